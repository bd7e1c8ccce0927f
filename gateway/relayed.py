"""The last lines that runs have sent to this process directly, for followers who would wait for the log service.

In memory and bounded, because nothing depends on it: what is not here any more, or was sent to another process, the log
service has.  So it costs no write anywhere.
"""

import json
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from toolkit.core.logs import NUMBER, LogEvent
from toolkit.core.run import RunId

MOST_OF_RUN = 1024**2  # bytes of one run's lines: more than a log service's lag of some 15 s
MOST = 32 * 1024**2  # bytes of all runs' lines
EVERY = 0.3  # seconds
_OVERHEAD = 300  # bytes of a line's objects
_OF_RUN = 2_000  # and of a run's, its status with them

Line = Mapping[str, Any]


class Kept(Protocol):
    """Where lines that were sent directly are kept.  `every`: seconds between two batches of a run, at least."""

    @property
    def every(self) -> float: ...
    def of(self, run: RunId) -> "RunLines": ...
    def add(self, run: RunId, lines: Sequence[Line]) -> None: ...
    def say(self, run: RunId, status: str) -> None:
        """What a run last said of itself."""

    def said(self) -> dict[RunId, str]:
        """By run."""


class RunLines:
    """core.merge.Relayed: the newest lines of one run."""

    def __init__(self) -> None:
        self.size = _OF_RUN
        self.status = ""
        self._lines: dict[int, LogEvent] = {}  # in the order in which they came

    def line(self, number: int) -> LogEvent | None:
        return self._lines.get(number)

    def first(self, after: int) -> int | None:
        """The least number beyond `after`; None when there is none."""
        return min((number for number in list(self._lines) if number > after), default=None)

    def add(self, number: int, event: LogEvent) -> None:
        """Once, however often it is sent; the oldest make room."""
        if number not in self._lines:
            self._lines[number] = event
            self.size += _weight(event)
        while self.size > MOST_OF_RUN:
            self.size -= _weight(self._lines.pop(next(iter(self._lines))))


class RelayedLines:
    """All runs'; when there are too many, those that have been silent the longest are forgotten.

    Written by one thread at a time, read by any."""

    every = EVERY

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._size = 0
        self._runs: OrderedDict[RunId, RunLines] = OrderedDict()

    def of(self, run: RunId) -> RunLines:
        return self._runs.get(run) or RunLines()

    def add(self, run: RunId, lines: Sequence[Line]) -> None:
        """What is no counted line of a container is passed over."""
        with self._lock:
            mine = self._mine(run)
            self._size -= mine.size
            for line in lines:
                if (event := _event(run, line)) is not None:
                    mine.add(line[NUMBER], event)
            self._size += mine.size
            self._make_room()

    def say(self, run: RunId, status: str) -> None:
        with self._lock:
            self._mine(run).status = status
            self._make_room()

    def said(self) -> dict[RunId, str]:
        with self._lock:
            return {run: lines.status for run, lines in self._runs.items() if lines.status}

    def _mine(self, run: RunId) -> RunLines:
        if run not in self._runs:
            self._runs[run] = RunLines()
            self._size += self._runs[run].size
        self._runs.move_to_end(run)
        return self._runs[run]

    def _make_room(self) -> None:
        while self._size > self._most and len(self._runs) > 1:
            self._size -= self._runs.popitem(last=False)[1].size


def _event(run: RunId, line: Line) -> LogEvent | None:
    number, time = line.get(NUMBER), line.get("ts")
    if line.get("_log") is not True or type(number) is not int or type(time) is not int:
        return None
    if number < 1 or time < 0:
        return None
    text = json.dumps(line, ensure_ascii=False)
    return LogEvent(time=time, id=f"{NUMBER} {number}", message=text, run=run)


def _weight(event: LogEvent) -> int:
    return len(event.message) + _OVERHEAD
