"""`rlock-heartbeat URI`: keep it for longer."""

import sys
from collections.abc import Sequence

from ._locks import ask


def main(arguments: Sequence[str]) -> int:
    return ask("rlock-heartbeat", "/locks/heartbeat", arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
