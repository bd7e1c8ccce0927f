"""Log events and the cursor that reads each of them once (D12).

A log service is read again from a little before the newest event seen, because events arrive late and in
bunches; the cursor remembers which events of that overlap have been seen.  `fresh` is the whole rule, and it
is pure: the CLI, the gateway and a restarted reader use it alike.
"""

import base64
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass

from .errors import UsageError

OVERLAP_MS = 20_000  # CloudWatch ingestion lags 5-15 s (measured by peers); Cloud Logging likewise
MOST_SEEN = 256  # ids in a cursor: beyond it the overlap shrinks rather than the cursor grow


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEvent:
    """One line.  `time` is epoch milliseconds; `id` is unique within the run and the same at every reading."""

    time: int
    id: str
    message: str
    run: str = ""


@dataclass(frozen=True, slots=True)
class Cursor:
    """Everything before `since` (epoch ms) is done with; `seen` are the ids at or after it that are."""

    since: int = 0
    seen: tuple[str, ...] = ()

    def __str__(self) -> str:
        text = json.dumps([self.since, *self.seen], separators=(",", ":"))
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    @classmethod
    def parse(cls, text: str) -> "Cursor":
        """Raises UsageError: a cursor comes back from a client, so it is input."""
        try:
            since, *seen = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
            if not isinstance(since, int) or not all(isinstance(s, str) for s in seen):
                raise TypeError
        except (ValueError, TypeError) as error:
            raise UsageError(
                "the cursor is damaged", hint="leave it out to start from the latest lines"
            ) from error
        return cls(since, tuple(seen))


def event_id(time: int, message: str, nth: int) -> str:
    """An id for services that give none: the nth event with this time and text, in reading order."""
    return hashlib.blake2b(f"{time}\0{nth}\0{message}".encode(), digest_size=6).hexdigest()


def fresh(events: Iterable[LogEvent], cursor: Cursor) -> tuple[list[LogEvent], Cursor]:
    """The events that `cursor` has not seen, by time, and the cursor that has seen them.

    `events` must be all that the service has from `cursor.since` on; their order does not matter.
    """
    seen = set(cursor.seen)
    within = {e.id: e for e in events if e.time >= cursor.since}
    new = sorted((e for e in within.values() if e.id not in seen), key=lambda e: e.time)
    if not new:
        return [], cursor
    return new, _moved(cursor, within)


def _moved(cursor: Cursor, within: dict[str, LogEvent]) -> Cursor:
    newest = sorted(within.values(), key=lambda e: e.time)
    since = max(cursor.since, newest[-1].time - OVERLAP_MS)
    if len(newest) > MOST_SEEN:
        # the floor moves to a time of which every event fits, so that equal times are never split
        since = max(since, min(newest[-MOST_SEEN].time + 1, newest[-1].time))
    return Cursor(since, tuple(e.id for e in newest if e.time >= since))
