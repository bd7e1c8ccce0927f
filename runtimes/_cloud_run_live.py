"""Followers of runs on Cloud Run: lines within a second, and none missed, for few questions.

Cloud Logging may be listed once a second by a whole project, and a follower looks more often.  So the first time it is
listed; from the second look on a live tail says what is new, and listing confirms it now and then, whenever the tail has
left something out, and before a run's last line is believed.  Nothing here knows what a run is.
"""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from heapq import merge

from toolkit.clouds.gcp import GcpClients
from toolkit.clouds.gcp_log_entries import event, execution_of
from toolkit.clouds.gcp_log_filters import for_people, of_jobs
from toolkit.clouds.gcp_log_tail import Tail
from toolkit.core.logs import OVERLAP_MS, LogEvent, is_last
from toolkit.core.run import RunHandle

CONFIRMED = 10.0  # seconds for which the tail is believed alone
AT_MOST = 60.0  # ditto, while others' questions use up what may be asked
PACE = 2.0  # seconds between two lists of a run: a follower looks more often
IDLE = 30.0  # seconds after which somebody who looked is no follower
KEPT_MS = 3 * OVERLAP_MS  # of the newest lines, from which a follower's next look is answered


@dataclass(slots=True)
class _Followed:
    """One run's newest lines.  `since`: everything from then on (epoch ms) was there at `listed`, on the clock."""

    run: str
    looked: float
    events: dict[str, LogEvent] = field(default_factory=dict)
    since: int | None = None
    listed: float = 0.0
    last_listed: bool = False  # whether a list had the run's last line
    hastened: bool = False  # whether it was listed out of turn, because the tail has told that line

    def add(self, found: LogEvent) -> None:
        self.events[found.id] = found

    def forget_old(self) -> None:
        newest = max((e.time for e in self.events.values()), default=0)
        floor = newest - KEPT_MS
        if self.since is not None and floor > self.since:
            self.since = floor
            self.events = {i: e for i, e in self.events.items() if e.time >= floor}

    def so_far(self, since: int) -> list[LogEvent]:
        """The last line ends all following, so what may be missing before it must have been listed."""
        found = (e for e in self.events.values() if e.time >= since)
        believed = (e for e in found if self.last_listed or not is_last(e))
        return sorted(believed, key=lambda e: (e.time, e.id))


class Live:
    """One per process.  `listed` gives a run's lines from a time on, oldest first."""

    def __init__(
        self,
        clients: Callable[[], GcpClients],
        listed: Callable[[RunHandle, int], Iterator[LogEvent]],
        *,
        clock: Callable[[], float] = time.monotonic,
        tail: Callable[..., Tail] = Tail,
    ) -> None:
        self._clients, self._listed, self._clock, self._make = clients, listed, clock, tail
        self._followed: dict[str, _Followed] = {}
        self._jobs: dict[str, float] = {}  # followed jobs, and when somebody looked last
        self._tail: Tail | None = None
        self._tailed: frozenset[str] = frozenset()
        self._watched = False
        self._lock = threading.RLock()

    def events(self, handle: RunHandle, since: int) -> Iterator[LogEvent]:
        """The run's lines from `since` (epoch ms) on, oldest first, each once."""
        with self._lock:
            followed = self._look(handle)
            if followed is None:
                return self._listed(handle, since)
            if self._is_known(followed, since):
                return iter(followed.so_far(since))
        return self._confirmed(followed, handle, since)

    def close(self) -> None:
        with self._lock:
            if self._tail:
                self._tail.close()
            self._tail, self._tailed = None, frozenset()
            self._followed.clear()

    def _look(self, handle: RunHandle) -> _Followed | None:
        """The run, when this is not the first look at it; then it is followed."""
        execution, now = handle.ids["execution"], self._clock()
        known = self._followed.get(execution)
        self._followed = {e: f for e, f in self._followed.items() if now - f.looked < IDLE}
        if known is None or execution not in self._followed:
            self._followed[execution] = _Followed(str(handle.run), now)
            return None
        known.looked = now
        self._jobs[handle.ids["job"]] = now
        self._keep_tail(now)
        return known

    def _keep_tail(self, now: float) -> None:
        """One session for all jobs that are followed, opened anew when there is another, or when it was lost."""
        self._jobs = {job: looked for job, looked in self._jobs.items() if now - looked < IDLE}
        wanted = frozenset(self._jobs)
        if self._tail is None or self._is_lost(self._tail, now) or not wanted <= self._tailed:
            if self._tail:
                self._tail.close()
            clients = self._clients()
            self._tail = self._make(
                clients, for_people(of_jobs(clients.cloud, wanted)), self._told, clock=self._clock
            )
            self._tailed = wanted
            self._watch()

    def _is_lost(self, tail: Tail, now: float) -> bool:
        """For long enough to ask for another: it may have been refused."""
        return not tail.alive and tail.lost_at is not None and now - tail.lost_at > CONFIRMED

    def _watch(self) -> None:
        """Closes the session when nobody looks any more."""
        if not self._watched:
            self._watched = True
            timer = threading.Timer(IDLE, self._idle)
            timer.daemon = True
            timer.start()

    def _idle(self) -> None:
        with self._lock:
            self._watched = False
            if any(self._clock() - looked < IDLE for looked in self._jobs.values()):
                self._watch()
            else:
                self.close()

    def _told(self, entry: object) -> None:
        with self._lock:
            if followed := self._followed.get(execution_of(entry)):
                followed.add(event(entry, followed.run))

    def _is_known(self, followed: _Followed, since: int) -> bool:
        """Whether what has been told and listed is all that there is, or was so a moment ago."""
        age = self._clock() - followed.listed
        if followed.since is None or since < followed.since or self._tail is None:
            return False
        closing = not followed.last_listed and any(map(is_last, followed.events.values()))
        if closing and not followed.hastened:
            followed.hastened = True
            return False
        if age < PACE:
            return True
        if closing:
            return False
        recent = age < CONFIRMED or (age < AT_MOST and not self._clients().log_reads.free())
        return recent and self._tail.complete_since(followed.listed)

    def _confirmed(self, followed: _Followed, handle: RunHandle, since: int) -> Iterator[LogEvent]:
        """What is listed now, and what has been told beyond that."""
        begun = self._clock()
        with self._lock:
            told = followed.so_far(since)
        listed = self._noted(followed, self._listed(handle, since))
        yield from _once(merge(listed, told, key=lambda e: (e.time, e.id)))
        with self._lock:
            followed.since, followed.listed = since, begun
            followed.forget_old()

    def _noted(self, followed: _Followed, events: Iterator[LogEvent]) -> Iterator[LogEvent]:
        for found in events:
            with self._lock:
                followed.add(found)
                followed.last_listed |= is_last(found)
            yield found


def _once(events: Iterable[LogEvent]) -> Iterator[LogEvent]:
    """Equal ones are neighbours."""
    before = ""
    for found in events:
        if found.id != before:
            yield found
        before = found.id
