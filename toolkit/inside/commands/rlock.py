"""`rlock URI`: have a resource to oneself; 1, and the answer says who has it, when another has."""

import sys
from collections.abc import Sequence

from ._locks import ask


def main(arguments: Sequence[str]) -> int:
    return ask("rlock", "/locks/acquire", arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
