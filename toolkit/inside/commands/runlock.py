"""`runlock URI`: give it back."""

import sys
from collections.abc import Sequence

from ._locks import ask


def main(arguments: Sequence[str]) -> int:
    return ask("runlock", "/locks/release", arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
