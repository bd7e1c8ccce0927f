"""`al-return [VALUE]`: the answer to whoever called the agent; from stdin when no words are given."""

import sys
from collections.abc import Sequence

from toolkit.core.errors import LimitExceeded
from toolkit.inside.signals import MOST_RETURN, Signals

from ._frame import run, tell, words


def send(arguments: Sequence[str], signals: Signals) -> None:
    value = words(arguments) if arguments else _standard_input()
    if len(value.encode()) > MOST_RETURN:
        raise LimitExceeded(
            f"a return value has at most {MOST_RETURN:,} bytes",
            hint="store the rest somewhere and return where it is",
        )
    signals.send("return", value)
    tell("/signals/return", {"value": value})


def _standard_input() -> str:
    return sys.stdin.buffer.read(MOST_RETURN + 1).decode("utf-8", "replace").rstrip("\n")


def main(arguments: Sequence[str]) -> int:
    return run(send, arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
