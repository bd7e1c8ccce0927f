"""Queries and bodies, checked by hand: each mistake is a 400 that says what to write instead."""

import json
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import Depends, Request
from starlette.exceptions import HTTPException

from toolkit.core.agent import AgentName
from toolkit.core.clock import from_iso
from toolkit.core.errors import UsageError
from toolkit.core.levels import ALSO, LEVELS
from toolkit.core.reader import Query
from toolkit.core.run import RunId
from toolkit.core.sources import Target

from .grep import checked

LINES, MOST_LINES = 200, 2_000
ROWS, MOST_ROWS = 50, 200
MOST_JSON = 65_536  # bytes: as much as a run's secret may hold
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
    level: str | None = None,
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
        level=least(level),
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


def least(level: str | None) -> int:
    """The least grave line that is wanted, from a word or a number; 0 for all of them.  Raises UsageError."""
    if not level:
        return 0
    if level.isascii() and level.isdecimal():
        return int(level[:9])
    word = ALSO.get(level.lower(), level.lower())
    if word not in LEVELS:
        raise UsageError(
            f"level={level!r} is none of them", hint=f"use {', '.join(LEVELS)}, or a number"
        )
    return LEVELS[word]


def flag(name: str, text: str | None) -> bool:
    if (text or "").lower() in ("", "0", "false", "no"):
        return False
    if (text or "").lower() in ("1", "true", "yes"):
        return True
    raise UsageError(f"{name}={text!r} is neither yes nor no", hint="write true or false")


def page(limit: str | None, offset: str | None, *, default: int = ROWS) -> tuple[int, int]:
    """How many rows, and after how many.  Raises UsageError."""
    if offset and not (offset.isascii() and offset.isdecimal()):
        raise UsageError(f"offset={offset!r} is not a number of rows", hint="0 or more")
    return whole("limit", limit, default, most=MOST_ROWS), int((offset or "0")[:9])


def choices(name: str, text: str | None, known: Collection[str]) -> frozenset[str]:
    """Several words with commas between them; `all` and nothing mean all.  Raises UsageError."""
    words = frozenset(word.strip() for word in (text or "").split(",")) - {"", "all"}
    if strange := sorted(words - set(known)):
        raise UsageError(
            f"{name}={strange[0]!r} is none of them", hint=f"use {', '.join(sorted(known))}"
        )
    return words


def names(text: str | None) -> frozenset[str]:
    """Agents with commas between them.  Raises ConfigError for what can be no name."""
    words = (word.strip() for word in (text or "").split(","))
    return frozenset(AgentName.parse(word) for word in words if word)


async def json_body(request: Request) -> dict[str, Any]:
    """The body, an object; no body at all is an empty one.  Raises UsageError, and 413 beyond MOST_JSON."""
    data = b""
    async for chunk in request.stream():
        data += chunk
        if len(data) > MOST_JSON:
            raise HTTPException(413, f"the body is larger than {MOST_JSON} bytes")
    try:
        read = json.loads(data) if data.strip() else {}
        json.dumps(read, ensure_ascii=False).encode()  # half a surrogate pair cannot be kept
    except (ValueError, RecursionError) as error:
        raise UsageError("the body is not JSON in UTF-8", hint="send a JSON object") from error
    if not isinstance(read, dict):
        raise UsageError("the body is not a JSON object", hint='send {"name": "value"}')
    return read


def text_in(body: Mapping[str, Any], name: str) -> str | None:
    """A field that is text, or not there.  Raises UsageError."""
    value = body.get(name)
    if value is not None and not isinstance(value, str):
        raise UsageError(f"{name!r} is not text", hint=f'send {{"{name}": "..."}}')
    return value


def count_in(body: Mapping[str, Any], name: str, *, most: int) -> int:
    """A field that is a whole number from 1 to `most`.  Raises UsageError."""
    value = body.get(name)
    good = isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= most
    if not good:
        raise UsageError(f"{name!r} is not a whole number from 1 to {most}", hint="send such a one")
    return int(str(value))


Body = Annotated[dict[str, Any], Depends(json_body)]
