"""The last lines of many runs of one job, for few questions.

A whole project may list its log 60 times a minute (https://cloud.google.com/logging/quotas), and whoever looks at an agent's
last lines needs those of many short runs.  The first of them is asked for alone; from the second on, a page of the job's
newest lines serves all.  Who asks for one run twice wants what is new, and that is another look.
"""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from toolkit.clouds.gcp_log_entries import event, execution_of
from toolkit.core.logs import LogEvent
from toolkit.core.run import RunHandle

from ._cloud_run_runs import earliest

LIFE = 10.0  # seconds that a look may take; what is listed in it is no older
MOST = 900  # lines of a page: one answer has 1,000, and some may be there twice

Key = tuple[str, int | None]  # a job, and the time (epoch ms) before which its lines are wanted


@dataclass(frozen=True, slots=True)
class _Page:
    """A job's newest lines (LogEvent), newest first, by execution.  `floor` is the time (epoch ms) down to which, but not
    at which, there are all of them; None when there are no others."""

    lines: dict[str, list[LogEvent]]
    floor: int | None


@dataclass(slots=True)
class _Look:
    """What somebody asks about together; `asked` are the executions so far."""

    begun: float
    asked: set[str] = field(default_factory=set)
    page: _Page | None = None


class Tails:
    """One per process.  `listed` gives a run's lines before a time, `newest` the entries of a whole job; newest first, and
    asked for when they are needed."""

    def __init__(
        self,
        listed: Callable[[RunHandle, int | None], Iterator[LogEvent]],
        newest: Callable[[str, int | None], Iterator[Any]],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._listed, self._newest, self._clock = listed, newest, clock
        self._looks: dict[Key, _Look] = {}
        self._lock = threading.Lock()

    def events(self, handle: RunHandle, before: int | None) -> Iterator[LogEvent]:
        """The run's lines, newest first."""
        key, execution = (handle.ids["job"], before), handle.ids["execution"]
        look = self._look(key, execution)
        if look.asked == {execution}:
            yield from self._listed(handle, before)
            return
        look.page = page = look.page or _paged(self._newest(*key))
        for found in page.lines.get(execution, ()):
            yield LogEvent(time=found.time, id=found.id, message=found.message, run=str(handle.run))
        if page.floor is not None and page.floor >= earliest(handle):
            yield from self._listed(handle, page.floor + 1)

    def _look(self, key: Key, execution: str) -> _Look:
        now = self._clock()
        with self._lock:
            self._looks = {k: look for k, look in self._looks.items() if now - look.begun < LIFE}
            known = self._looks.get(key)
            if known is None or execution in known.asked:
                known = self._looks[key] = _Look(now)
            known.asked.add(execution)
            return known


def _paged(entries: Iterator[Any]) -> _Page:
    found = [(execution_of(entry), event(entry, "")) for entry in islice(entries, MOST)]
    floor = found[-1][1].time if len(found) == MOST else None
    lines: dict[str, list[LogEvent]] = {}
    for execution, line in found:
        if floor is None or line.time > floor:
            lines.setdefault(execution, []).append(line)
    return _Page(lines, floor)
