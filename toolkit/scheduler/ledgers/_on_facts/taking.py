"""Who takes what: the oldest work that is due, of those agents that have room.

Every look is at the heads of lines, and every step is one conditional write: of several who want the same place or the
same item one gets it, and the others look again.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from toolkit.core.clock import iso
from toolkit.core.run import RunState
from toolkit.core.work import Rooms
from toolkit.scheduler.ledgers import _codec as codec

from . import keys
from .entry import Entry, abandoned, agents_with_room
from .ground import Crossed, Ground, persistently
from .leaving import Leaving
from .line import Line, Look

DELAYED_AT_ONCE = 20  # whose time has come, put back into their line between two looks


class Taking:
    """Looks, decides, and takes."""

    def __init__(self, ground: Ground, line: Line, leaving: Leaving) -> None:
        self._ground, self._line, self._leaving = ground, line, leaving

    def take(self, holder: str, rooms: Rooms, until: str, moment: datetime) -> Entry | None:
        while entry := persistently(lambda: self._taken(holder, rooms, until, moment)):
            if self._is_to_do(entry):
                return entry
            self._leaving.done(entry.run)
        return None

    def _taken(self, holder: str, rooms: Rooms, until: str, moment: datetime) -> Entry | None:
        """One attempt.  The first look is the only one while there is nothing to do."""
        look = self._tidied(rooms, moment)
        if entry := abandoned(look.at_work, rooms, moment):
            taken = entry.taken(holder, until)
            self._line.move(entry, taken)
            return taken
        if (first := self._first(look, rooms, moment)) is None:
            return None
        places = [keys.turn(first.agent), *([keys.turn("")] if rooms.total is not None else [])]
        turns = self._ground.read_facts(places)  # before the second look, as above
        look = self._line.look()
        if first.agent not in agents_with_room(look.at_work, rooms):
            raise Crossed("others took the room that there was", hint="look again")
        taken = first.taken(holder, until)
        known = {place: turns.get(place) for place in places}
        self._line.move(first, taken, look.counts, turns=known)
        return taken

    def _tidied(self, rooms: Rooms, moment: datetime) -> Look:
        """What a dead process left undone is done; what nobody holds any more, of agents that may start nothing, waits."""
        look = self._line.look()
        gone = [entry for entry in look.at_work if entry.dropped]
        for entry in gone:
            self._leaving.end(entry)
        free = [e for e in look.at_work if rooms.agents and _is_idle(e, rooms, moment)]
        for entry in free:
            self._line.move(entry, entry.freed())
        return self._line.look() if gone or free else look

    def _first(self, look: Look, rooms: Rooms, moment: datetime) -> Entry | None:
        """The oldest that is due, of all agents with room."""
        agents = agents_with_room(look.at_work, rooms)
        late = [agent for agent in agents if look.counts.of(agent).delayed]
        counts = self._line.counts() if self._called(late, moment) else look.counts
        bounds = sorted((c.first, a) for a in agents if (c := counts.of(a)).in_line)
        best: Entry | None = None
        for bound, agent in bounds:
            if best is not None and best.place < bound:
                break  # neither this line nor any after it begins earlier
            head = next(iter(self._line.heads(agent)), None)
            if head is not None and (best is None or head.place < best.place):
                best = head
        return best

    def _called(self, agents: Sequence[str], moment: datetime) -> int:
        """How many delayed ones, whose time has come, are in their line again, in their old place."""
        called = 0
        for agent in agents:
            while due := [
                e for e in self._line.delayed(agent, DELAYED_AT_ONCE) if _is_due(e, moment)
            ]:
                for entry in due:
                    self._line.move(entry, replace(entry, delayed=False))
                called += len(due)
        return called

    def _is_to_do(self, entry: Entry) -> bool:
        """Not when the run was taken by others, or ended, and its item came back: see `entered`.  One that ended while it
        was held has yet to be followed up."""
        run = self._leaving.recorded(codec.from_data(entry.record))
        return entry.takes > 1 or run.state is RunState.QUEUED


def _is_due(entry: Entry, moment: datetime) -> bool:
    return entry.not_before is None or entry.not_before <= iso(moment)


def _is_idle(entry: Entry, rooms: Rooms, moment: datetime) -> bool:
    """Nobody holds it any more, and nobody may start it now."""
    return entry.let_go(moment) and not rooms.agents.get(entry.agent, 0)
