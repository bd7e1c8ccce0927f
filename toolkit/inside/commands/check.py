"""`al-check CALLID` (`al-subagent-check`): how a call stands now: pending, running, completed or error."""

import sys
from collections.abc import Sequence
from urllib.parse import quote

from toolkit.core.errors import UsageError

from ._frame import asked, guarded


def check(arguments: Sequence[str]) -> int:
    if len(arguments) != 1:
        raise UsageError("one callId is needed", hint="use it as: al-check CALLID")
    path = f"/calls/{quote(arguments[0], safe='')}"
    return asked(lambda gateway: gateway.ask("GET", path))


def main(arguments: Sequence[str]) -> int:
    return guarded(lambda: check(arguments))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
