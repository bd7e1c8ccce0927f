"""A container's log, line by line: from its daemon, or from the file that it was copied to before the container went.

Both are the same bytes: every line begins with the time at which Docker took it, in nanoseconds.  A line's id is made of
that time and its text; of equal ones it is counted which it is, so lines of one time are always looked at together.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from itertools import groupby
from typing import NamedTuple

from toolkit.core.logs import LogEvent, event_id

FIRST_PAGE, LARGER = (
    200,
    8,
)  # lines of the first look at a log's end, and how many times more the next one has


class Line(NamedTuple):
    """`time` in nanoseconds since 1970."""

    time: int
    text: str


def parsed(raw: bytes) -> Line:
    """`2026-11-20T12:00:00.123456789Z text`, without the line's end."""
    stamp, _, text = raw.rstrip(b"\r\n").partition(b" ")
    return Line(nanoseconds(stamp.decode()), text.decode(errors="replace"))


def nanoseconds(stamp: str) -> int:
    """RFC 3339 in UTC with any number of fractional digits."""
    whole, _, fraction = stamp.removesuffix("Z").partition(".")
    seconds = datetime.fromisoformat(whole).replace(tzinfo=UTC).timestamp()
    return int(seconds) * 1_000_000_000 + int((fraction or "0").ljust(9, "0")[:9])


def whole_lines(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Pieces of any size, put together; the last line also when nothing ends it."""
    rest = b""
    for piece in pieces:
        *lines, rest = (rest + piece).split(b"\n")
        yield from lines
    if rest:
        yield rest


def forward(lines: Iterable[Line], run: str, *, since: int) -> Iterator[LogEvent]:
    """Oldest first, from `since` (epoch ms) on."""
    for _, group in groupby(lines, key=lambda line: line.time):
        yield from (event for event in _events(group, run) if event.time >= since)


def backward(lines: Iterable[Line], run: str, *, before: int | None) -> Iterator[LogEvent]:
    """Newest first, of lines that come newest first; only those earlier than `before` (epoch ms)."""
    for _, group in groupby(lines, key=lambda line: line.time):
        for event in reversed(_events(reversed(list(group)), run)):
            if before is None or event.time < before:
                yield event


def newest_first(page: Callable[[int], list[Line]]) -> Iterator[Line]:
    """Every line from the log's end, in pages of the last n lines that grow; what comes meanwhile is not among them."""
    wanted, given = FIRST_PAGE, 0
    end: Line | None = None
    while True:
        lines = page(wanted)
        complete = len(lines) < wanted
        lines = lines[: _position(lines, end)] if end else lines
        end = end or (lines[-1] if lines else None)
        newest = lines[::-1]
        # the page may begin amid lines of one time, which belong together
        ready = len(newest) if complete else _whole(newest)
        yield from newest[given:ready]
        if complete:
            return
        given, wanted = max(given, ready), wanted * LARGER


def _position(lines: list[Line], end: Line) -> int:
    """How many lines there are up to the last one that is `end`; later ones may have come since."""
    return next((n for n in range(len(lines), 0, -1) if lines[n - 1] == end), 0)


def _whole(newest: list[Line]) -> int:
    oldest = newest[-1].time if newest else 0
    return next((n for n in range(len(newest), 0, -1) if newest[n - 1].time != oldest), 0)


def _events(lines: Iterable[Line], run: str) -> list[LogEvent]:
    seen: Counter[Line] = Counter()
    events = []
    for line in lines:
        seen[line] += 1
        ident = f"{line.time:019d}-{event_id(line.time, line.text, seen[line])}"
        events.append(LogEvent(time=line.time // 1_000_000, id=ident, message=line.text, run=run))
    return events
