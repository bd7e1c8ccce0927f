"""core.books.Queue on facts.  A work item is one fact, written in the same step as what it depends on.

However long a line is, no step reads or writes more of it than its first items (line.py), and counts nothing (counts.py).
A run is recorded right after its item: whoever takes an item whose run is not recorded, because a process died between
the two, records it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from toolkit.core.clock import iso
from toolkit.core.run import Run, RunId, RunState
from toolkit.core.work import Added, Rooms, WorkItem
from toolkit.scheduler.ledgers import _codec as codec

from . import keys
from .entry import LONG, Entry, in_order, plain
from .ground import Crossed, Ground, persistently
from .leaving import Leaving
from .line import Line
from .taking import Taking

Work = Sequence[tuple[Run, WorkItem]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entering:
    """What queues some items: these facts, while those are so.  `joins` are the runs that wait already in place of others;
    without `values` nothing is to be queued."""

    values: Mapping[str, Any] = field(default_factory=dict)
    expected: Mapping[str, Any] = field(default_factory=dict)
    joins: Mapping[RunId, RunId] = field(default_factory=dict)


class Queue:
    """Work in the order in which it came."""

    def __init__(self, ground: Ground) -> None:
        self._ground, self._line, self._came = ground, Line(ground), count()
        self._leaving = Leaving(ground, self._line)
        self._taking = Taking(ground, self._line, self._leaving)

    def add(self, run: Run, item: WorkItem, *, most: int) -> Added:
        def attempt() -> Entering:
            entering = self.entering([(run, item)])
            if not entering.values:
                return entering
            if self._ground.set_facts(entering.values, expected=entering.expected):
                return entering
            if self._ground.fact(keys.item(run.id)) is None:
                raise Crossed("others queue the same", hint="try again in a moment")
            return Entering()  # it was queued before

        return self.entered(run, persistently(attempt), most=most)

    def take(
        self, holder: str, rooms: Rooms, *, seconds: float, moment: datetime
    ) -> WorkItem | None:
        until = iso(moment + timedelta(seconds=seconds))
        while entry := self._taking.take(holder, rooms, until, moment):
            if found := self._items([entry]):
                return found[0]
        return None

    def renew(
        self, run: RunId, holder: str, *, seconds: float, moment: datetime, failed: bool = False
    ) -> bool:
        until = iso(moment + timedelta(seconds=seconds))

        def renewed(entry: Entry) -> Entry | None:
            number = entry.attempts + failed
            return None if entry.let_go(moment) else replace(entry, until=until, attempts=number)

        return self._change(run, holder, renewed)

    def started(self, run: RunId, holder: str) -> bool:
        return self._change(
            run, holder, lambda entry: replace(entry, holder=None, until=None, started=True)
        )

    def give_back(
        self, run: RunId, holder: str, *, not_before: datetime, tried: bool = True
    ) -> bool:
        when = iso(not_before)
        return self._change(run, holder, lambda entry: entry.given_back(when, tried=tried))

    def done(self, run: RunId) -> bool:
        return self._leaving.done(run)

    def get(self, run: RunId) -> WorkItem | None:
        entry = persistently(lambda: self._line.find(run))
        return None if entry is None or entry.dropped else next(iter(self._items([entry])), None)

    def waiting(self, agent: str | None = None, *, limit: int = 100) -> Sequence[WorkItem]:
        if limit <= 0:
            return ()
        agents = self.lengths() if agent is None else [agent]
        # the delayed first: one that goes into its line in between is found twice, and not never
        found = {
            entry.run: entry
            for name in agents
            for entry in (*self._line.delayed(name), *self._line.heads(name, limit))
        }
        return self._items(in_order(found.values())[:limit])

    def at_work(self) -> Sequence[WorkItem]:
        return self._items([entry for entry in self._line.at_work() if entry.at_work])

    def lengths(self) -> Mapping[str, int]:
        return self._line.counts().lengths()

    # for whoever queues in one step with something else

    def entering(self, work: Work) -> Entering:
        """What must be kept, and while what, for these to be queued."""
        turns = {keys.turn(item.agent): self._turn(item.agent) for _, item in work if item.once}
        joins = {run.id: waits for run, item in work if (waits := self._joined(item))}
        new = [self._entry(run, item) for run, item in work if run.id not in joins]
        if not new:
            return Entering(joins=joins)
        values, expected = self._line.entering(new)
        for run, item in work:
            if run.id not in joins and (trigger := plain(item.trigger)) and _is_long(trigger):
                values[keys.trigger(run.id)] = trigger
        turned = {place: (turn or 0) + 1 for place, turn in turns.items()}
        return Entering(values=values | turned, expected=expected | turns, joins=joins)

    def entered(self, run: Run, entering: Entering, *, most: int) -> Added:
        """The rest, once that has been kept: the run's record, and room for it in its agent's line."""
        if (waits := entering.joins.get(run.id, run.id)) != run.id:
            return Added(run=waits, joined=True)
        if self._leaving.record(run).state is not RunState.QUEUED and entering.values:
            self.done(run.id)  # it was queued before, and is over
        return Added(run=run.id, dropped=self._leaving.make_room(run.agent, most, run.created))

    def _turn(self, agent: str) -> Any:
        """Before the look at who waits: who comes between changes it."""
        return self._ground.fact(keys.turn(agent))

    def _joined(self, item: WorkItem) -> RunId | None:
        return self._line.joins(item.agent, item.once) if item.once else None

    def _entry(self, run: Run, item: WorkItem) -> Entry:
        trigger = plain(item.trigger)
        return Entry(
            run=run.id,
            created=item.created,
            came=next(self._came),
            record=_bare(run),
            trigger=None if _is_long(trigger) else trigger,
            once=item.once,
            not_before=item.not_before,
            delayed=item.not_before is not None,
        )

    # entries

    def _items(self, entries: Sequence[Entry]) -> tuple[WorkItem, ...]:
        """With their triggers; one that is done meanwhile is left out."""
        apart = [keys.trigger(entry.run) for entry in entries if entry.trigger is None]
        far = self._ground.read_facts(apart) if apart else {}
        found = ((e, e.trigger or far.get(keys.trigger(e.run))) for e in entries)
        return tuple(entry.item(trigger) for entry, trigger in found if trigger is not None)

    def _change(self, run: RunId, mine: str, change: Callable[[Entry], Entry | None]) -> bool:
        def attempt() -> bool:
            entry = self._line.held(run)
            if entry is None or entry.holder != mine or (new := change(entry)) is None:
                return False
            self._line.move(entry, new)
            return True

        return persistently(attempt)


def _is_long(trigger: Mapping[str, Any]) -> bool:
    return len(codec.canonical(trigger).encode()) > LONG


def _bare(run: Run) -> dict[str, Any]:
    """Without what is empty: it stands in the line."""
    return {
        name: value for name, value in codec.to_data(run).items() if value not in (None, "", {}, 0)
    }
