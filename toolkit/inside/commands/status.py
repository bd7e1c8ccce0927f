"""`al-status TEXT`: what I am doing now, for whoever watches the run."""

import sys
from collections.abc import Sequence

from toolkit.core.errors import UsageError
from toolkit.inside.signals import MOST_STATUS, Signals

from ._frame import run, tell, words


def send(arguments: Sequence[str], signals: Signals) -> None:
    if not (text := words(arguments).strip()):
        raise UsageError("no status text given", hint='use it as: al-status "reviewing PR 12"')
    signals.send("status", text)
    tell("/signals/status", {"text": text[:MOST_STATUS]})


def main(arguments: Sequence[str]) -> int:
    return run(send, arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
