"""One look at the ledger and at a run's log, however many followers ask for it at the same time (D12)."""

import threading
import time
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Any, TypeVar

from toolkit.core.logs import LogEvent
from toolkit.core.run import Mailbox, Run, RunHandle, RunId
from toolkit.core.sources import Lines, Records

T = TypeVar("T")
FRESH_SECONDS = 0.4  # less than a follower's poll, so that nobody sees a line later for it
MOST_KEPT = 2_000  # events of a log; a longer answer is not shared
MOST_ANSWERS = 1_000


class Shared:
    """Remembers answers for a moment; who asks for one that is being fetched waits for it."""

    def __init__(
        self, seconds: float = FRESH_SECONDS, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._seconds = seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._answers: dict[Hashable, tuple[float, Any]] = {}
        self._fetching: dict[Hashable, threading.Lock] = {}

    def get(self, key: Hashable, load: Callable[[], T], good: Callable[[T], bool]) -> T:
        """The answer to `key` if it is fresh and `good`, else what `load` gives."""
        with self._lock:
            fetching = self._fetching.setdefault(key, threading.Lock())
        with fetching:
            at, answer = self._answers.get(key, (float("-inf"), None))
            if self._clock() - at < self._seconds and good(answer):
                found: T = answer
                return found
            loaded = load()
            with self._lock:
                self._answers[key] = (self._clock(), loaded)
                self._forget()
            return loaded

    def _forget(self) -> None:
        if len(self._answers) > MOST_ANSWERS:
            old = self._clock() - self._seconds
            self._answers = {k: v for k, v in self._answers.items() if v[0] > old}
            self._fetching = {k: v for k, v in self._fetching.items() if k in self._answers}


def _any(_: object) -> bool:
    return True


class SharedRecords:
    """A ledger as followers read it."""

    def __init__(self, ledger: Records, shared: Shared) -> None:
        self._ledger = ledger
        self._shared = shared

    def get(self, run: RunId) -> Run | None:
        return self._shared.get(("run", run), lambda: self._ledger.get(run), _any)

    def runs(
        self, *, agent: str | None = None, active: bool = False, limit: int = 50
    ) -> Sequence[Run]:
        def load() -> Sequence[Run]:
            return self._ledger.runs(agent=agent, active=active, limit=limit)

        return self._shared.get(("runs", agent, active, limit), load, _any)

    def mailbox(self, run: RunId) -> Mailbox:
        return self._shared.get(("mailbox", run), lambda: self._ledger.mailbox(run), _any)

    def fact(self, key: str) -> Any | None:
        return self._ledger.fact(key)

    def facts(self, prefix: str) -> Mapping[str, Any]:
        return self._ledger.facts(prefix)


class SharedLines:
    """A runtime's logs as followers read them: the newest lines of a run are fetched once for all of them."""

    def __init__(self, runtime: Lines, shared: Shared) -> None:
        self._runtime = runtime
        self._shared = shared

    def logs(self, handle: RunHandle, *, since: int = 0) -> Iterator[LogEvent]:
        def load() -> tuple[int, list[LogEvent], Iterator[LogEvent] | None]:
            events = iter(self._runtime.logs(handle, since=since))
            kept = list(islice(events, MOST_KEPT))
            return since, kept, events if len(kept) == MOST_KEPT else None

        def good(answer: tuple[int, list[LogEvent], Iterator[LogEvent] | None]) -> bool:
            return answer[0] <= since and answer[2] is None

        _, kept, rest = self._shared.get(("logs", handle.run), load, good)
        return (event for event in chain(kept, rest or ()) if event.time >= since)

    def tail(self, handle: RunHandle, *, before: int | None = None) -> Iterator[LogEvent]:
        return self._runtime.tail(handle, before=before)
