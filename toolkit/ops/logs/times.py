"""Times as users write them: `2h`, `3d`, `2026-11-20`, `2026-11-20T12:00:00Z`."""

import re
from datetime import datetime, timedelta

from toolkit.core.errors import UsageError

_RELATIVE = re.compile(r"(\d{1,6})([smhdw])")
_UNIT = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def moment(option: str, text: str, *, now: datetime) -> int:
    """Epoch milliseconds.  `2h` is two hours before `now`; what has no offset is in the zone of `now`.

    Raises UsageError.
    """
    try:
        if match := _RELATIVE.fullmatch(text.strip()):
            then = now - timedelta(**{_UNIT[match[2]]: int(match[1])})
        else:
            then = datetime.fromisoformat(text.strip())
            then = then if then.tzinfo else then.replace(tzinfo=now.tzinfo)
        return int(then.timestamp() * 1000)
    except (ValueError, OverflowError) as error:
        raise UsageError(
            f"{option} {text!r} is not a time",
            hint="write 30m, 2h, 3d, or ISO 8601 such as 2026-11-20 or 2026-11-20T12:00:00Z",
        ) from error


def day(text: str, *, now: datetime) -> tuple[int, int]:
    """The day's first millisecond, and the next day's.  Raises UsageError."""
    try:
        first = datetime.strptime(text.strip(), "%Y-%m-%d").replace(tzinfo=now.tzinfo)
        return int(first.timestamp() * 1000), int((first + timedelta(days=1)).timestamp() * 1000)
    except (ValueError, OverflowError) as error:
        raise UsageError(
            f"--date {text!r} is not a day", hint="write it like 2026-11-20"
        ) from error
