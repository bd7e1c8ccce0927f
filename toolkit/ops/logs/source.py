"""Where logs come from: the protocol, and the source that needs no gateway."""

import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Protocol

from toolkit.core.errors import AccessDenied
from toolkit.core.logs import LAST_LINE, Entry
from toolkit.core.pace import platform_seconds
from toolkit.core.reader import Page, Query, Reader, settle_seconds
from toolkit.core.retry import retrying
from toolkit.core.run import Run, RunId
from toolkit.core.sources import Target, reported
from toolkit.scheduler.settle import settle
from toolkit.wiring import Services

POLL = 0.7  # seconds between two looks at a log
MOST_AT_ONCE = 500  # lines that one step back asks for, when few of those before were shown
LAST_LOOKS = 5  # how much more often a log is looked at that has said its last line
CLOSING_EVERY = (
    1.0  # seconds between two questions to the platform, once the run's last line was seen
)
PATIENCE = 60.0  # seconds for which a follower bears a service that is busy or out of reach


class Source(Protocol):
    """The logs of one target."""

    def page(self, *, lines: int, older: str | None = None) -> Page:
        """The last lines, or with `older` those before them; perhaps fewer than asked for, with `older` for the rest."""

    def follow(self, cursor: str) -> Iterator[Entry]:
        """What comes after `cursor`: of a run to its end, of an agent for ever."""


def last_lines(
    source: Source, lines: int, counted: Callable[[Entry], int | None]
) -> tuple[list[Entry], Page]:
    """What makes up the last `lines`, and the newest page, which knows where to go on.

    `counted` says how many lines an entry is, and None for one that is not shown, which is left out.  Pages back
    until there are enough, or to the beginning.
    """
    newest = page = source.page(lines=lines)
    entries = deque[Entry]()
    missing = lines
    while True:
        for entry in reversed(page.entries):
            if missing > 0 and (count := counted(entry)) is not None:
                entries.appendleft(entry)
                missing -= count
        if missing <= 0 or page.older is None:
            return list(entries), newest
        page = source.page(lines=max(missing, MOST_AT_ONCE), older=page.older)


class Direct:
    """Straight from the log service, or from this machine's files."""

    def __init__(
        self,
        services: Services,
        target: Target,
        query: Query,
        *,
        poll: float = POLL,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._look = Look(services, clock=clock)

        def settle(runtime: str) -> float:
            return settle_seconds(services.of_runtime(runtime).environment)

        self._reader = Reader(services.ledger, services.runtime, look=self._look, settle=settle)
        self._target, self._query = target, query
        self._poll, self._sleep, self._clock = poll, sleep, clock

    def page(self, *, lines: int, older: str | None = None) -> Page:
        return self._reader.page(self._target, replace(self._query, lines=lines), older=older)

    def follow(self, cursor: str | None = None) -> "Following":
        """Without a cursor from the run's first line."""

        def read(after: str) -> Page:
            def page() -> Page:
                query = replace(self._query, lines=10_000)
                return self._reader.page(self._target, query, cursor=after)

            return retrying(page, seconds=PATIENCE, sleep=self._sleep, clock=self._clock)

        start = cursor or self._reader.beginning(self._target)
        return Following(read, start, poll=self._poll, sleep=self._sleep, closing=self._look.hasten)


class Following:
    """Entries as they come.  An iterator that survives an interruption: iterating on loses and repeats nothing."""

    def __init__(
        self,
        read: Callable[[str], Page],
        cursor: str,
        *,
        poll: float,
        sleep: Callable[[float], None],
        closing: Callable[[], None] = lambda: None,
    ) -> None:
        """`closing` is told when a run has said its last line."""
        self._read = read
        self._cursor = cursor
        self._poll, self._sleep, self._told = poll, sleep, closing
        self._waiting: deque[Entry] = deque()
        self._pause = self._ended = self._closing = False

    def __iter__(self) -> Iterator[Entry]:
        return self

    def __next__(self) -> Entry:
        while not self._waiting:
            if self._ended:
                raise StopIteration
            if self._pause:
                self._sleep(self._poll if not self._closing else self._poll / LAST_LOOKS)
            page = self._read(self._cursor)
            self._waiting.extend(page.entries)
            if any(e.get("_log") and e.get("msg") == LAST_LINE for e in page.entries):
                self._closing = True
                self._told()
            self._cursor = page.cursor or self._cursor
            self._pause, self._ended = not page.has_more, page.ended
        return self._waiting.popleft()


class Look:
    """What a run is now.  Whoever looks first settles it, so that a run whose starter died still gets its end."""

    def __init__(self, services: Services, *, clock: Callable[[], float]) -> None:
        self._services = services
        self._clock = clock
        self._most = float("inf")
        self._asked = float("-inf")

    def hasten(self) -> None:
        """The end is near: a platform on which runs cannot write their report into the ledger knows it first."""
        self._most, self._asked = CLOSING_EVERY, float("-inf")

    def __call__(self, run: RunId) -> Run | None:
        record = self._services.ledger.get(run)
        if record is None or record.state.final:
            return record
        every = min(self._most, platform_seconds(record.runtime))
        ask = self._clock() - self._asked >= every
        self._asked = self._clock() if ask else self._asked
        try:
            return settle(self._services, [record], ask_platform=ask)[0]
        except AccessDenied:  # who may read logs may not be who may delete secrets
            return reported(record, self._services.ledger)
