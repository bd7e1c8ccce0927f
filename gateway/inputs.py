"""The logs API's query, checked by hand: each mistake is a 400 that says what to write instead."""

import math
from dataclasses import dataclass
from datetime import UTC, datetime

from fastapi import Request

from toolkit.core.clock import from_iso
from toolkit.core.errors import UsageError
from toolkit.core.reader import Query
from toolkit.core.run import RunId
from toolkit.core.sources import Target

from .grep import checked

LINES, MOST_LINES = 200, 2_000
LONGEST_WAIT = 20.0  # seconds; API Gateway gives up after 29
PAGE_SIZE = (
    1_000_000  # characters: an answer stays below Lambda's 6,291,456 bytes, escapes included
)
_LATEST_MS = 32_503_680_000_000  # the year 3000


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRequest:
    """What a client asked for.  `cursor` and `older` are still to be parsed, for their target."""

    query: Query
    cursor: str | None
    older: str | None
    grep: str | None
    wait: float
    stream: bool


def log_request(  # noqa: PLR0917 - FastAPI reads the query's names here
    request: Request,
    lines: str | None = None,
    limit: str | None = None,
    cursor: str | None = None,
    back_cursor: str | None = None,
    after: str | None = None,
    before: str | None = None,
    grep: str | None = None,
    wait: str | None = None,
) -> LogRequest:
    """`Last-Event-ID` wins over `cursor`: it is where a stream that broke off has to go on.

    Raises UsageError.
    """
    query = Query(
        lines=whole("lines", lines or limit, LINES, most=MOST_LINES),
        after=moment("after", after),
        before=moment("before", before),
        size=PAGE_SIZE,
    )
    return LogRequest(
        query=query,
        cursor=request.headers.get("last-event-id") or cursor or None,
        older=back_cursor or None,
        grep=checked(grep) if grep else None,
        wait=seconds("wait", wait),
        stream="text/event-stream" in request.headers.get("accept", ""),
    )


def target(agent: str, run: str | None = None) -> Target:
    """Raises ConfigError for what can be no name."""
    from toolkit.core.agent import AgentName

    return Target(agent=AgentName.parse(agent), run=RunId.parse(run) if run is not None else None)


def whole(name: str, text: str | None, default: int, *, most: int) -> int:
    """A positive whole number; more than `most` is `most`."""
    if not text:
        return default
    if not (text.isascii() and text.isdecimal()) or int(text[:9]) == 0:
        raise UsageError(f"{name}={text!r} is not a positive whole number", hint=f"1 to {most}")
    return min(int(text[:9]), most)


def seconds(name: str, text: str | None) -> float:
    """Seconds, at most LONGEST_WAIT, which is also the default."""
    try:
        value = float(text) if text else LONGEST_WAIT
    except ValueError:
        value = math.nan
    if not value >= 0:
        raise UsageError(
            f"{name}={text!r} is not a number of seconds", hint=f"0 to {LONGEST_WAIT:.0f}"
        )
    return min(value, LONGEST_WAIT)


def moment(name: str, text: str | None) -> int | None:
    """Epoch milliseconds from themselves or from ISO 8601, which without an offset is UTC."""
    if not text:
        return None
    try:
        value = int(text[:20]) if text.isascii() and text.isdecimal() else _iso_ms(text)
    except (ValueError, OverflowError):
        value = -1
    if not 0 <= value < _LATEST_MS:
        raise UsageError(
            f"{name}={text!r} is not a time",
            hint="epoch milliseconds, or ISO 8601 such as 2026-11-20T12:00:00Z",
        )
    return value


def _iso_ms(text: str) -> int:
    parsed: datetime = from_iso(text.replace(" ", "+"))  # a plus sign in a query arrives as a space
    return int((parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp() * 1000)


def flag(name: str, text: str | None) -> bool:
    if (text or "").lower() in ("", "0", "false", "no"):
        return False
    if (text or "").lower() in ("1", "true", "yes"):
        return True
    raise UsageError(f"{name}={text!r} is neither yes nor no", hint="write true or false")
