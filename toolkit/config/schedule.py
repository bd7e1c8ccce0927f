"""Schedules and time zones: which expressions are valid, and when they fire next.

Five fields, or six with the seconds first; the `@daily` family is written out.  Decides nothing about runs.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim, CronSimError

from toolkit.core.errors import ConfigError

from .problems import nearest

NICKNAMES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_EXAMPLES = "write five fields, e.g. '*/15 * * * *', or six with the seconds first"
# how many values each field has, the seconds first: a longer step is a slip, and would only count its first value
_VALUES = (60, 60, 24, 31, 12, 7)
_LONGEST = 250  # characters: every minute of an hour, listed, has 169
# what some machines keep beside the zones, and other machines do not have
_NO_ZONES = ("localtime", "posixrules", "Factory", "posix/", "right/")
_ZONE_LIMIT = (
    50  # https://docs.aws.amazon.com/scheduler/latest/APIReference/API_CreateSchedule.html
)


def check_schedule(text: str) -> str:
    """The expression with nicknames written out.  Raises ConfigError when it is not a schedule."""
    expression = NICKNAMES.get(text.strip().lower(), " ".join(_any_day(text.split())))
    if (words := _refusal(expression)) and not _never(expression):
        raise ConfigError(f"{text!r} is not a schedule ({words})", hint=_EXAMPLES)
    return expression


def next_run(expression: str, after: datetime) -> datetime | None:
    """When a checked expression fires next after `after` (in that moment's time zone); None for never."""
    return next(ticks(expression, after), None)


def ticks(expression: str, after: datetime) -> Iterator[datetime]:
    """All moments after `after` at which a checked expression fires, in its time zone, each once and in order.

    A time of day that the clocks skip is made good when they have been put forward, and one that they show twice counts
    once; an hour or a minute that begins with `*` follows the sun instead (as Debian's cron(8) does it).
    """
    last = after.astimezone(UTC)
    try:
        for tick in CronSim(expression, after):
            if (
                tick.astimezone(UTC) > last
            ):  # in UTC: two times of one zone are compared as they are on the wall
                last = tick.astimezone(UTC)
                yield tick
    except CronSimError:
        return  # checked before: what is left is a day that its months do not have


def minutes(expression: str, after: datetime) -> Iterator[datetime]:
    """The minutes in which a checked expression fires after `after` (in its time zone), one by one; none for never."""
    try:
        yield from CronSim(" ".join(expression.split()[-5:]), after)
    except CronSimError:
        return  # as above: a day that its months do not have


def times_a_minute(expression: str) -> int:
    """How often a checked expression fires within a minute in which it does."""
    seconds, *fields = expression.split()
    if len(fields) == 4:
        return 1
    return len(CronSim(f"{seconds} * * * * *", datetime(2026, 1, 1, tzinfo=UTC)).seconds)


def check_timezone(text: str) -> str:
    """The IANA name.  Raises ConfigError when it is none."""
    try:
        if text.startswith(_NO_ZONES):
            raise ValueError("no name of the IANA's")
        ZoneInfo(text)
    except (OSError, ValueError, KeyError) as error:
        hint = nearest(text, available_timezones(), otherwise="write it like 'Europe/Berlin'")
        raise ConfigError(f"no time zone named {text!r}", hint=hint) from error
    if len(text) > _ZONE_LIMIT:
        raise ConfigError(f"{text!r} is longer than 50 characters", hint="use a shorter name of it")
    return text


def _any_day(fields: list[str]) -> list[str]:
    """`?` in one of the two day fields is what other cron dialects write for `*`."""
    days = {len(fields) - 3, len(fields) - 1}
    return ["*" if text == "?" and at in days else text for at, text in enumerate(fields)]


def _refusal(expression: str) -> str:
    """What is wrong with the expression, or ""."""
    if len(expression) > _LONGEST:
        return f"longer than {_LONGEST} characters"
    if step := _long_step(expression.split()):
        return step
    try:
        CronSim(expression, datetime(2026, 1, 1, tzinfo=UTC))
    except (CronSimError, ValueError) as error:
        return str(error).lower() or "bad expression"
    return ""


def _long_step(fields: list[str]) -> str:
    for text, values in zip(reversed(fields), reversed(_VALUES), strict=False):
        for step in (part.partition("/")[2] for part in text.split(",")):
            if step.isdecimal() and (len(step) > 2 or int(step) > values):
                return f"a step of {step[:12]} in a field of {values} values"
    return ""


def _never(expression: str) -> bool:
    """Whether it is refused only because no month that it names has its day, as in `0 0 31 2 *`."""
    if len(expression.split()) not in (5, 6):
        return False
    *head, day, month, weekday = expression.split()
    alone = (" ".join([*head, day, "*", weekday]), " ".join([*head, "*", month, weekday]))
    return not any(_refusal(part) for part in alone)
