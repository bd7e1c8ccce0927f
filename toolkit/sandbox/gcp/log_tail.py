"""Followers of logs: sessions that get the entries that match while they are written.

https://cloud.google.com/logging/docs/reference/v2/rpc/google.logging.v2#taillogentriesrequest.
"""

import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from google.cloud.logging_v2 import types

from .log_book import Line, visible
from .log_filter import Node
from .log_match import predicate
from .refusals import Refused, invalid

if TYPE_CHECKING:
    from .cloud import Google

PER_MINUTE = 60_000  # entries of a session (https://cloud.google.com/logging/quotas)
LARGEST_ANSWER = 1000
_DEFAULT, _LONGEST = timedelta(seconds=2), timedelta(seconds=60)
_REASON = types.TailLogEntriesResponse.SuppressionInfo.Reason.RATE_LIMIT


class Tail:
    """One session.  `buffer` is how long an entry is held back so that earlier ones may overtake it."""

    def __init__(
        self, google: "Google", node: Node, projects: frozenset[str], buffer: timedelta | None
    ) -> None:
        self._google, self._test, self._projects = google, predicate(node), projects
        self._buffer = _DEFAULT if buffer is None else buffer
        if not timedelta(0) <= self._buffer <= _LONGEST:
            raise invalid("buffer_window", "must be between 0 and 60 seconds")
        self._waiting: list[Line] = []
        self._changed = threading.Condition()
        self._over, self._suppressed = False, 0
        self._minute, self._given = google.now(), 0
        self._until = google.now() + timedelta(seconds=google.settings.tail_seconds)

    def tell(self, line: Line) -> None:
        """An entry was written."""
        if visible(line, self._projects) and self._test(line.entry):
            with self._changed:
                self._waiting.append(line)
                self._changed.notify()

    def end(self) -> None:
        """Nobody listens any more."""
        with self._changed:
            self._over = True
            self._changed.notify()

    def answers(self) -> Iterator[Any]:
        """Until the end.  Raises Refused (OUT_OF_RANGE) when the session has lasted as long as one may."""
        while (lines := self._next()) is not None:
            if lines:
                yield self._answer(lines)

    def _next(self) -> list[Line] | None:
        """The entries whose time has come, in order; None at the end."""
        with self._changed:
            now = self._google.now()
            if self._over:
                return None
            if now >= self._until:
                raise Refused("OUT_OF_RANGE", "The maximum duration for tail has been met.")
            if not (ready := self._due(now)):
                soonest = min([*map(self._ready, self._waiting), self._until])
                self._changed.wait(max(0.001, (soonest - now).total_seconds()))
                return []
            given = {line.key for line in ready}
            self._waiting = [line for line in self._waiting if line.key not in given]
            return ready

    def _due(self, now: datetime) -> list[Line]:
        """Those that were held back long enough, and what has come in meanwhile and belongs before them."""
        over = [line.key for line in self._waiting if self._ready(line) <= now]
        last = max(over, default=None)
        found = (line for line in self._waiting if last and line.key <= last and line.due <= now)
        return sorted(found)[:LARGEST_ANSWER]

    def _ready(self, line: Line) -> datetime:
        return line.due + self._buffer

    def _answer(self, lines: list[Line]) -> Any:
        answer = types.TailLogEntriesResponse.pb(types.TailLogEntriesResponse())
        allowed = self._allowance(len(lines))
        answer.entries.extend(line.entry for line in lines[:allowed])
        self._suppressed += len(lines) - allowed
        if self._suppressed:
            answer.suppression_info.add(reason=_REASON, suppressed_count=self._suppressed)
            self._suppressed = 0
        return answer

    def _allowance(self, wanted: int) -> int:
        """How many of so many entries this minute still has."""
        now = self._google.now()
        if now - self._minute >= timedelta(minutes=1):
            self._minute, self._given = now, 0
        allowed = min(wanted, PER_MINUTE - self._given)
        self._given += allowed
        return allowed


class Tails:
    """The sessions that are open."""

    def __init__(self) -> None:
        self._open: set[Tail] = set()

    def __len__(self) -> int:
        return len(self._open)

    def begin(self, tail: Tail, most: int) -> None:
        """Raises Refused when there are too many."""
        if len(self._open) >= most:
            raise Refused(
                "RESOURCE_EXHAUSTED",
                f"There are too many open tail sessions: a project may have {most}.",
                reason="RATE_LIMIT_EXCEEDED",
            )
        self._open.add(tail)

    def end(self, tail: Tail) -> None:
        self._open.discard(tail)

    def tell(self, line: Line) -> None:
        for tail in tuple(self._open):
            tail.tell(line)

    def close(self) -> None:
        for tail in tuple(self._open):
            tail.end()
