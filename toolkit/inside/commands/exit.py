"""`al-exit [CODE]`: the code that the run shall end with; 15, unrecoverable, when none is given.

It does not end the agent's session; the code counts when the session is over.
"""

import sys
from collections.abc import Sequence

from toolkit.core.errors import UsageError
from toolkit.inside.signals import Signals

from ._frame import run

UNRECOVERABLE = 15


def send(arguments: Sequence[str], signals: Signals) -> None:
    code = arguments[0] if arguments else str(UNRECOVERABLE)
    if not (code.isascii() and code.isdigit() and int(code) <= 255):
        raise UsageError(f"{code!r} is not an exit code", hint="use a number from 0 to 255")
    signals.send("exit", code)


def main(arguments: Sequence[str]) -> int:
    return run(send, arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
