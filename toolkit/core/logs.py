"""Log events and the cursor that reads each of them once (D12).

A log service is read again from a little before the newest event seen, because events arrive late and in
bunches ("log events might appear behind the read position", CloudWatch Logs): the cursor remembers which
events of that overlap have been read.  The rule is pure: the CLI, the gateway and a restarted reader share it.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from .levels import USUAL, gravity

OVERLAP_MS = 20_000  # CloudWatch ingestion lags 5-15 s (measured by peers); Cloud Logging likewise
MOST_SEEN = 600  # marks in a cursor, 7 bytes each, so that it fits into a request header
LAST_LINE = "run completed"  # the `msg` of the last line that a container prints about its run

NUMBER = "line"  # the field in which a container counts its run's lines

Mark = tuple[int, bytes]  # an event's time and five bytes of its id's hash
Entry = dict[str, Any]  # a line as clients see it


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEvent:
    """One line.  `time` is epoch milliseconds; `id` is unique within the run and the same at every reading."""

    time: int
    id: str
    message: str
    run: str = ""


@dataclass(frozen=True, slots=True)
class Cursor:
    """Everything before `since` (epoch ms) is read, of the events at `since` the first `skip`, and all in `seen`."""

    since: int = 0
    skip: int = 0
    seen: frozenset[Mark] = frozenset()


def mark(event: LogEvent) -> Mark:
    return event.time, hashlib.blake2b(event.id.encode(), digest_size=5).digest()


def event_id(time: int, message: str, nth: int) -> str:
    """An id for services that give none: the nth event with this time and text, in reading order."""
    return hashlib.blake2b(f"{time}\0{nth}\0{message}".encode(), digest_size=6).hexdigest()


class Reading:
    """One pass over a run's events from `cursor.since` on, oldest first: which are unread, and the cursor after it.

    It may end early: what was not taken stays unread.
    """

    def __init__(self, events: Iterable[LogEvent], cursor: Cursor) -> None:
        self._events = events
        self._start = cursor
        self._taken = set(cursor.seen)
        self.exhausted = False

    def unread(self) -> Iterator[LogEvent]:
        """What the cursor has not seen, each once even when the service repeats itself."""
        offered, skip = set(self._taken), self._start.skip
        for event in self._events:
            if event.time < self._start.since:
                continue
            if event.time == self._start.since and skip:
                skip -= 1
            elif (known := mark(event)) not in offered:
                offered.add(known)
                yield event
        self.exhausted = True

    def take(self, event: LogEvent) -> None:
        self._taken.add(mark(event))

    def cursor(self, most: int = MOST_SEEN) -> Cursor:
        """The cursor that has read what was taken, with at most `most` marks.

        In a burst of more than `most` events the overlap shrinks rather than the cursor grow.  Events of one
        millisecond are then counted, in the service's order, so that none is repeated and none left out.
        """
        if not self._taken:
            return self._start
        newest = max(time for time, _ in self._taken)
        since = max(self._start.since, newest - OVERLAP_MS)
        skip = self._start.skip if since == self._start.since else 0
        kept = sorted(m for m in self._taken if m[0] >= since)
        if len(kept) <= most:
            return Cursor(since, skip, frozenset(kept))
        floor = kept[-most][0]
        skip = sum(time == floor for time, _ in kept) + (skip if floor == since else 0)
        return Cursor(floor, skip, frozenset(m for m in kept if m[0] > floor))


def fresh(events: Iterable[LogEvent], cursor: Cursor) -> tuple[list[LogEvent], Cursor]:
    """The events that `cursor` has not seen, by time, and the cursor that has seen them."""
    reading = Reading(sorted(events, key=lambda e: e.time), cursor)
    new = list(reading.unread())
    for event in new:
        reading.take(event)
    return new, reading.cursor()


def entry(event: LogEvent) -> Entry:
    """The line as clients see it: its fields when it is a JSON object, else its text as `msg`."""
    fields = _fields(event.message)
    count = _count(fields)
    name = event.id if count is None else str(count)  # the same on both paths
    known = {"time": event.time, "id": name, "run": event.run or fields.get("run", "")}
    return fields | known


def number(event: LogEvent) -> int | None:
    """Which line of its run this is, as the container counts them from 1; None for what no container has counted."""
    return _count(_fields(event.message)) if f'"{NUMBER}"' in event.message else None


def level(event: LogEvent) -> int:
    """How grave the line is, as core.levels counts it; a line that is no JSON object is as grave as `info`."""
    return gravity(_fields(event.message).get("level")) if '"level"' in event.message else USUAL


def _count(fields: Entry) -> int | None:
    count = fields.get(NUMBER)
    return count if fields.get("_log") is True and type(count) is int and count > 0 else None


def _fields(message: str) -> Entry:
    if message.lstrip().startswith("{"):
        try:
            fields = json.loads(message)
        except (ValueError, RecursionError):  # an agent may print any text that looks like JSON
            return {"msg": message}
        if isinstance(fields, dict):
            return fields
    return {"msg": message}


def is_last(event: LogEvent) -> bool:
    """Whether the container says with this line that no other follows."""
    return f'"{LAST_LINE}"' in event.message and _fields(event.message).get("msg") == LAST_LINE
