"""The log entries of a project, in the order in which queries give them: by time, and by insert id where that is equal.

https://cloud.google.com/logging/docs/reference/v2/rpc/google.logging.v2#logentry.  Knows nothing of requests.
"""

from bisect import bisect_left, insort
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from google.cloud.logging_v2.types import LogEntry

from .log_filter import Node
from .log_match import earliest, instant, predicate

MOST = 200_000  # entries; the oldest go first
Key = tuple[int, str, int]  # nanoseconds, insert id, and what tells duplicates apart


@dataclass(slots=True)
class Line:
    """An entry, and from when on it is to be found.  `entry` is the protobuf message."""

    key: Key
    due: datetime
    entry: Any

    def __reduce__(self) -> tuple[Any, ...]:
        return _unpickled, (self.key, self.due, self.entry.SerializeToString())

    def __lt__(self, other: "Line") -> bool:
        return self.key < other.key

    @property
    def identity(self) -> tuple[int, str]:
        """What makes two entries duplicates of each other."""
        return self.key[:2]


@dataclass(slots=True)
class LogBook:
    """Under the cloud's lock."""

    lines: list[Line] = field(default_factory=list)
    written: int = 0

    def add(self, entry: Any, due: datetime) -> Line:
        """Keep an entry of protobuf; what is kept."""
        self.written += 1
        line = Line((instant(entry), entry.insert_id, self.written), due, entry)
        if self.lines and line < self.lines[-1]:
            insort(self.lines, line)
        else:  # nearly always
            self.lines.append(line)
        if len(self.lines) > MOST:
            del self.lines[: MOST // 100]
        return line

    def found(self, node: Node, projects: frozenset[str], now: datetime) -> Iterator[Line]:
        """Those that match and are to be found by now, oldest first."""
        test, first = predicate(node), (earliest(node), "", 0)
        for line in self.lines[bisect_left(self.lines, first, key=_key) :]:
            if line.due <= now and visible(line, projects) and test(line.entry):
                yield line

    def logs(self) -> tuple[str, ...]:
        """The names of all logs."""
        return tuple(sorted({line.entry.log_name for line in self.lines}))

    def delete(self, log: str) -> int:
        """Forget a log; how many entries it had."""
        before = len(self.lines)
        self.lines = [line for line in self.lines if line.entry.log_name != log]
        return before - len(self.lines)


def visible(line: Line, projects: frozenset[str]) -> bool:
    """Whether the entry is in one of these projects."""
    return line.entry.log_name.partition("/logs/")[0] in projects


def _key(line: Line) -> Key:
    return line.key


def _unpickled(key: Key, due: datetime, data: bytes) -> Line:
    return Line(key, due, LogEntry.pb(LogEntry.deserialize(data)))
