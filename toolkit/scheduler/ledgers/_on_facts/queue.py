"""core.books.Queue on facts.  A work item is one fact, written in the same step as what it depends on.

A run is recorded right after its item: whoever takes an item whose run is not recorded, because a process died between
the two, records it.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from toolkit.core.clock import iso
from toolkit.core.errors import AlreadyExists
from toolkit.core.run import Cause, Run, RunId, RunState
from toolkit.core.work import Added, Rooms, WorkItem
from toolkit.scheduler.ledgers import _codec as codec

from . import keys
from .ground import Crossed, Ground, keep, persistently
from .line import LONG, Entry, following, freed, from_fact, in_order, plain

FULL = "newer work took its place in a full queue"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entering:
    """What queues an item: these facts, while those are so.  Nothing, where it joins a run that waits already."""

    run: RunId
    values: Mapping[str, Any] = field(default_factory=dict)
    expected: Mapping[str, Any] = field(default_factory=dict)
    joined: bool = False


class Queue:
    """Work in the order in which it came."""

    def __init__(self, ground: Ground) -> None:
        self._ground, self._came = ground, count()

    def add(self, run: Run, item: WorkItem, *, most: int) -> Added:
        def attempt() -> Entering:
            entering = self.entering(run, item)
            if not entering.values:
                return entering
            if self._ground.set_facts(entering.values, expected=entering.expected):
                return entering
            if self._ground.fact(keys.line(run.id)) is None:
                raise Crossed("others queue the same", hint="try again in a moment")
            return Entering(run=run.id)  # it was queued before

        return self.entered(run, persistently(attempt), most=most)

    def take(
        self, holder: str, rooms: Rooms, *, seconds: float, moment: datetime
    ) -> WorkItem | None:
        until = iso(moment + timedelta(seconds=seconds))
        while entry := persistently(lambda: self._taken(holder, rooms, until, moment)):
            if self._is_to_do(entry):
                return self._items([entry])[0]
            self.done(entry.run)
        return None

    def renew(self, run: RunId, holder: str, *, seconds: float, moment: datetime) -> bool:
        until = iso(moment + timedelta(seconds=seconds))
        return self._change(run, holder, moment=moment, until=until)

    def started(self, run: RunId, holder: str) -> bool:
        return self._change(run, holder, holder=None, until=None, started=True)

    def give_back(self, run: RunId, holder: str, *, not_before: datetime) -> bool:
        return self._change(run, holder, holder=None, until=None, not_before=iso(not_before))

    def done(self, run: RunId) -> bool:
        return persistently(lambda: self._gone(run))

    def get(self, run: RunId) -> WorkItem | None:
        entry = self._entry(run)
        return None if entry is None or entry.dropped else next(iter(self._items([entry])), None)

    def waiting(self, agent: str | None = None, *, limit: int = 100) -> Sequence[WorkItem]:
        return self._items([e for e in self._line(agent) if e.waits][: max(limit, 0)])

    def at_work(self) -> Sequence[WorkItem]:
        return self._items([entry for entry in self._line() if entry.at_work])

    def lengths(self) -> Mapping[str, int]:
        return dict(Counter(str(entry.agent) for entry in self._line() if entry.waits))

    # for whoever queues in one step with something else

    def entering(self, run: Run, item: WorkItem) -> Entering:
        """What must be kept, and while what, for the item to be queued."""
        trigger, key = plain(item.trigger), keys.line(run.id)
        apart = len(codec.canonical(trigger).encode()) > LONG
        entry = Entry(
            run=run.id,
            created=item.created,
            came=next(self._came),
            record=_bare(run),
            trigger=None if apart else trigger,
            once=item.once,
            not_before=item.not_before,
        )
        values = {key: entry.to_fact()} | ({keys.work(run.id): trigger} if apart else {})
        if not item.once:
            return Entering(run=run.id, values=values, expected={key: None})
        place = keys.turn(item.agent)
        turn = self._ground.fact(place)  # before the look: who comes between changes it
        same = [e for e in self._line(item.agent) if e.waits and e.once == item.once]
        if same:
            return Entering(run=same[0].run, joined=same[0].run != run.id)
        turned = {place: (turn or 0) + 1}
        return Entering(run=run.id, values=values | turned, expected={key: None, place: turn})

    def entered(self, run: Run, entering: Entering, *, most: int) -> Added:
        """The rest, once that has been kept: the run's record, and room for it in its agent's line."""
        if entering.joined:
            return Added(run=entering.run, joined=True)
        if self._record(run).state is not RunState.QUEUED and entering.values:
            self.done(run.id)  # it was queued before, and is over
        return Added(run=run.id, dropped=self._make_room(run.agent, most, run.created))

    # taking

    def _taken(self, holder: str, rooms: Rooms, until: str, moment: datetime) -> Entry | None:
        """One attempt.  The first look is the only one while there is nothing to do."""
        line = [self._tidied(entry, rooms, moment) for entry in self._line()]
        if (first := following(line, rooms, moment)) is None:
            return None
        places = [keys.turn(first.agent), *([keys.turn("")] if rooms.total is not None else [])]
        turns = self._ground.read_facts(places)  # before the second look, as above
        line = self._line(None if rooms.total is not None else first.agent)
        here = Rooms(agents={first.agent: rooms.agents.get(first.agent, 0)}, total=rooms.total)
        if (entry := following(line, here, moment)) is None:
            raise Crossed("others took what there was", hint="look again")
        taken = replace(entry, holder=holder, until=until, attempts=entry.attempts + 1)
        expected = {place: turns.get(place) for place in places}
        turned = {place: (turn or 0) + 1 for place, turn in expected.items()}
        key = keys.line(entry.run)
        keep(self._ground, {key: taken.to_fact(), **turned}, {key: entry.seen, **expected})
        return taken

    def _tidied(self, entry: Entry, rooms: Rooms, moment: datetime) -> Entry:
        """What a dead process left undone is done; what nobody holds any more, of agents that may start nothing, waits."""
        if entry.dropped:
            self._end(entry)
        if entry.let_go(moment) and rooms.agents and not rooms.agents.get(entry.agent, 0):
            key, free = keys.line(entry.run), freed(entry, moment)
            kept = self._ground.set_facts({key: free.to_fact()}, expected={key: entry.seen})
            return free if kept else entry
        return entry

    def _is_to_do(self, entry: Entry) -> bool:
        """Not when the run was taken by others, or ended, and its item came back: see `entered`.  One that ended while it
        was held has yet to be followed up."""
        run = self._recorded(codec.from_data(entry.record))
        return entry.attempts > 1 or run.state is RunState.QUEUED

    def _recorded(self, run: Run) -> Run:
        """The run's record, which is made when there is none."""
        return self._ground.get(run.id) or self._record(run)

    def _record(self, run: Run) -> Run:
        try:
            self._ground.add(run)
        except AlreadyExists:
            return self._ground.get(run.id) or run
        return run

    # making room

    def _make_room(self, agent: str, most: int, moment: str) -> tuple[RunId, ...]:
        """The runs that had to go for that.  Who cannot be dropped any more was taken meanwhile: look again."""
        dropped: list[RunId] = []
        while len(waiting := [e for e in self._line(agent) if e.waits]) > most:
            for entry in waiting[: len(waiting) - most]:
                marked = replace(entry, dropped=moment)
                key = keys.line(entry.run)
                if not self._ground.set_facts({key: marked.to_fact()}, expected={key: entry.seen}):
                    break
                self._end(marked)
                dropped.append(entry.run)
        return tuple(dropped)

    def _end(self, entry: Entry) -> None:
        self._recorded(codec.from_data(entry.record))
        self._ground.update(
            entry.run,
            state=RunState.FAILED,
            cause=Cause.DROPPED,
            reason=FULL,
            finished=entry.dropped,
        )
        self.done(entry.run)

    # entries

    def _line(self, agent: str | None = None) -> list[Entry]:
        found = self._ground.facts(keys.lines(agent))
        return in_order(from_fact(RunId(keys.last(key)), fact) for key, fact in found.items())

    def _entry(self, run: RunId) -> Entry | None:
        fact = self._ground.fact(keys.line(run))
        return None if fact is None else from_fact(run, fact)

    def _items(self, entries: Sequence[Entry]) -> tuple[WorkItem, ...]:
        """With their triggers; one that is done meanwhile is left out."""
        apart = [keys.work(entry.run) for entry in entries if entry.trigger is None]
        far = self._ground.read_facts(apart) if apart else {}
        found = ((e, e.trigger or far.get(keys.work(e.run))) for e in entries)
        return tuple(entry.item(trigger) for entry, trigger in found if trigger is not None)

    def _change(
        self, run: RunId, mine: str, *, moment: datetime | None = None, **changes: Any
    ) -> bool:
        def attempt() -> bool:
            entry = self._entry(run)
            if entry is None or entry.holder != mine or (moment and entry.let_go(moment)):
                return False
            key, new = keys.line(run), replace(entry, **changes)
            keep(self._ground, {key: new.to_fact()}, {key: entry.seen})
            return True

        return persistently(attempt)

    def _gone(self, run: RunId) -> bool:
        key = keys.line(run)
        if (fact := self._ground.fact(key)) is None:
            return False
        apart = {keys.work(run): None} if from_fact(run, fact).trigger is None else {}
        keep(self._ground, {key: None, **apart}, {key: fact})
        return True


def _bare(run: Run) -> dict[str, Any]:
    """Without what is empty: it stands in the line."""
    return {
        name: value for name, value in codec.to_data(run).items() if value not in (None, "", {}, 0)
    }
