"""One run's lines out of two paths: the log service, which has all of them late, and the relay, which has some at once.

A container counts its lines, so a line is known by its number whichever way it came.  Numbered lines are given in the
container's order: one behind a gap is held back until either path has filled it, or nothing seems to fill it any more.
What comes later all the same is given then.  Lines that no container counted (a platform's own, a crash's) come as the
log service gives them.  Pure.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Protocol

from .errors import AlError
from .logs import Cursor, LogEvent, Reading, is_last, number

# How long a line waits for one before it that neither path has shown: less than the log service's overlap, within which
# whatever arrives late is read, so that the readings to come still find what is held now.
GAP_MS = 15_000
MOST_GAPS = 16  # that are remembered
MOST_HELD = 500  # lines in which a missing one is looked for, where all of them are old

Gap = tuple[int, int]  # its first and last number


class Relayed(Protocol):
    """The lines of one run that its container has sent directly."""

    def line(self, number: int) -> LogEvent | None: ...
    def first(self, after: int) -> int | None:
        """The least number beyond `after`; None when there is none."""


class Nothing:
    """Where no relay is."""

    def line(self, number: int) -> LogEvent | None:
        return None

    def first(self, after: int) -> int | None:
        return None


@dataclass(frozen=True, slots=True)
class Step:
    """An event to be taken.  `shown`: it is new to the reader; `relayed`: the log service has yet to repeat it."""

    event: LogEvent
    number: int | None
    shown: bool = True
    relayed: bool = False


@dataclass(frozen=True, slots=True)
class Told:
    """Which numbered lines were read: those up to `last`, but for `gaps`; None before the first was seen."""

    last: int | None = 0
    gaps: tuple[Gap, ...] = ()

    def has(self, count: int) -> bool:
        past = self.last is not None and count <= self.last
        return past and not any(first <= count <= last for first, last in self.gaps)

    def with_(self, count: int) -> "Told":
        """After `count`, which comes next, or leaves a gap, or is out of one: then nothing changes, because the log
        service has shown it and will not count as unread again."""
        if self.last is not None and count <= self.last:
            return self
        return replace(self.without((self.last or 0) + 1, count), last=count)

    def without(self, first: int, beyond: int) -> "Told":
        """Gone on to `beyond`, with nothing of what is between."""
        gap = ((first, beyond - 1),) if first < beyond else ()
        return Told(beyond - 1, (*self.gaps, *gap)[-MOST_GAPS:])


class Merge:
    """One pass over a run's lines.  It may end early: what was not taken stays unread.

    `over`: no path gets anything new.  `late` says whether a line that the log service has shown is so old that
    nothing before it seems to come.
    """

    def __init__(
        self,
        reading: Reading,
        told: Told,
        relayed: Relayed,
        *,
        over: bool,
        late: Callable[[LogEvent], bool],
    ) -> None:
        self.told = told
        self.ended = False  # whether the log service has shown the last line
        self._reading, self._relayed = reading, relayed
        self._over, self._late = over, late
        self._given = told
        self._held: dict[int, LogEvent] = {}
        self.exhausted = False  # whether everything that is there was given

    def cursor(self, most: int) -> Cursor:
        """As of the reading, which has taken what was taken."""
        return self._reading.cursor(most)

    def unread(self) -> Iterator[Step]:
        """Raises what the log service refuses, but not that it is busy while the relay has lines to give."""
        try:
            yield from self._logged()
        except AlError as error:
            sent = self._ready()
            if not error.temporary or (step := next(sent, None)) is None:
                raise
            yield step
            yield from sent
            return
        yield from self._ready(all_read=True)
        self.exhausted = True

    def _logged(self) -> Iterator[Step]:
        """What the log service has, and with it what is ready."""
        for event in self._reading.unread():
            count = number(event)
            if count is None:
                yield Step(event, None)
            elif self._given.has(count):
                yield Step(event, count, shown=False)
            elif self._given.last is None or count <= self._given.last:
                yield self._step(event, count)
            else:
                self._held[count] = event
                yield from self._ready(all_read=len(self._held) > MOST_HELD)

    def take(self, step: Step) -> None:
        """The step counts: a cursor made now has read it."""
        if step.shown and step.number is not None:
            self.told = self.told.with_(step.number)
        if not step.relayed:
            self._reading.take(step.event)
            self.ended = self.ended or is_last(step.event)

    def _ready(self, *, all_read: bool = False) -> Iterator[Step]:
        """What follows the last line without a gap, or `all_read`, behind one that stays."""
        while self._given.last is not None:
            count = self._given.last + 1
            if event := self._held.pop(count, None):
                yield self._step(event, count)
            elif event := self._relayed.line(count):
                yield self._step(event, count, relayed=True)
            elif not all_read or (beyond := self._beyond(count)) is None:
                return
            else:
                self._given = self._given.without(count, beyond)

    def _step(self, event: LogEvent, count: int, *, relayed: bool = False) -> Step:
        self._given = self._given.with_(count)
        return Step(event, count, relayed=relayed)

    def _beyond(self, missing: int) -> int | None:
        """The line with which to go on where `missing` never comes; None while it may."""
        held = min(self._held, default=None)
        waited = held is not None and self._late(self._held[held])
        if not (self._over or waited):
            return None
        sent = self._relayed.first(missing)
        return min((count for count in (held, sent) if count is not None), default=None)


def begun(
    events: list[LogEvent], *, late: Callable[[LogEvent], bool]
) -> tuple[list[LogEvent], Told]:
    """Of a log's newest events, oldest first, those that a reader who begins here is shown, and what is told then.

    What stands behind a gap that may yet be filled is left for the next reading.
    """
    counted = {count: event for event in events if (count := number(event)) is not None}
    told = Told(None)
    for count in sorted(counted):
        if told.last is not None and count > told.last + 1 and not late(counted[count]):
            break
        told = told.with_(count)
    last = told.last
    return [e for e in events if (n := number(e)) is None or last is None or n <= last], told
