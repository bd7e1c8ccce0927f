"""Lines of many runs, newest first, opening a run's log only when the merge has come down to it."""

import heapq
from collections.abc import Callable, Iterator

from .logs import LogEvent
from .run import Run
from .sources import created_ms, last_ms

Open = Callable[[Run], Iterator[LogEvent]]
Rank = tuple[int, int]


class NewestFirst:
    """Iterates over the events of all runs in `batches`, which come newest-created first.

    A run that ended while hundreds of newer ones were started is merged in when its batch is loaded.
    """

    def __init__(self, batches: Iterator[list[Run]], opened: Open) -> None:
        self._batches = batches
        self._opened = opened
        self._waiting: list[Run] = []  # by their last possible line: the end of the list is next
        self._oldest = float("inf")  # creation of the oldest run loaded
        self._more = True
        self._heap: list[tuple[int, Rank, LogEvent, Iterator[LogEvent]]] = []

    def __iter__(self) -> Iterator[LogEvent]:
        while True:
            self._open_what_is_due()
            if not self._heap:
                return
            _, rank, event, rest = heapq.heappop(self._heap)
            yield event
            self._push(rank, rest)

    def _open_what_is_due(self) -> None:
        while True:
            top = -self._heap[0][0] if self._heap else float("-inf")
            if self._waiting and last_ms(self._waiting[-1]) >= top:
                run = self._waiting.pop()
                self._push(_rank(run), self._opened(run))
            elif self._more and top <= self._oldest:
                self._load()
            else:
                return

    def _load(self) -> None:
        batch = next(self._batches, None)
        self._more = batch is not None
        self._waiting = sorted((*self._waiting, *(batch or ())), key=last_ms)
        self._oldest = min((self._oldest, *(created_ms(run) for run in batch or ())))

    def _push(self, rank: Rank, events: Iterator[LogEvent]) -> None:
        event = next(events, None)
        if event is not None:
            heapq.heappush(self._heap, (-event.time, rank, event, events))


def _rank(run: Run) -> Rank:
    """The order of equal times, the same at every reading: the reverse of creation, then of the id's digits."""
    return -created_ms(run), -int(run.id[-8:], 16)
