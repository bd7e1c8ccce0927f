"""`al-rerun`: there is more to do; run me again when I have ended well."""

import sys
from collections.abc import Sequence

from toolkit.inside.signals import Signals

from ._frame import run, tell


def send(_arguments: Sequence[str], signals: Signals) -> None:
    signals.send("rerun")
    tell("/signals/rerun", {})


def main(arguments: Sequence[str]) -> int:
    return run(send, arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
