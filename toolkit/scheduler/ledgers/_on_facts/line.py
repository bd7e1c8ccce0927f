"""The lines of all agents on facts: looked at from their heads, and changed an item at a time.

No step reads more of a line than it was asked for.  It decides nothing.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from toolkit.core.run import RunId

from . import keys
from .counts import SHARDS, Counts, counted
from .entry import Entry, from_fact, in_order, moved
from .ground import Crossed, Ground, keep

NOTHING: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """Everything but those that wait: who is at work or has to go, and how many wait."""

    at_work: Sequence[Entry]
    counts: Counts


class Line:
    """Its changes raise Crossed when something is not as it was seen."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    # looking

    def look(self) -> Look:
        found = self._ground.facts(keys.WORK)
        shards = {key: fact for key, fact in found.items() if key.startswith(keys.COUNTS)}
        return Look(
            at_work=_entries({k: f for k, f in found.items() if k not in shards}),
            counts=Counts(shards),
        )

    def counts(self) -> Counts:
        return Counts(self._ground.facts(keys.COUNTS))

    def at_work(self) -> list[Entry]:
        """Also those that have to go."""
        return _entries(self._ground.facts(keys.AT_WORK))

    def find(self, run: RunId) -> Entry | None:
        at, item = keys.at_work(run), keys.item(run)
        found = self._ground.read_facts((at, item))
        if at in found:
            return from_fact(run, found[at])
        if item not in found:
            return None
        if (fact := self._ground.fact(found[item])) is None:
            raise Crossed(f"{run} was taken just now", hint="look again")
        return from_fact(run, fact)

    def held(self, run: RunId) -> Entry | None:
        """The run's entry while it does not wait."""
        fact = self._ground.fact(keys.at_work(run))
        return None if fact is None else from_fact(run, fact)

    def heads(self, agent: str, many: int = 1) -> list[Entry]:
        """The first that may be taken."""
        return _entries(self._ground.facts(keys.line(agent), limit=many))

    def delayed(self, agent: str, many: int | None = None) -> list[Entry]:
        """Those whose time comes first."""
        found = self._ground.facts(keys.later(agent), limit=many)
        return [from_fact(RunId(keys.last(key)), fact) for key, fact in found.items()]

    def joins(self, agent: str, once: str) -> RunId | None:
        """The oldest that waits under that name."""
        found = self._ground.facts(keys.once(agent, once), limit=1)
        return next(map(RunId, found.values()), None)

    # changing

    def entering(self, entries: Sequence[Entry]) -> tuple[dict[str, Any], dict[str, Any]]:
        """What to write so that these wait, and while what is so."""
        shard = secrets.choice(SHARDS)
        place = keys.count(shard)
        seen = self._ground.fact(place)
        new = [entry.counted_in(shard) for entry in entries]
        values = {place: counted(seen, [(None, entry) for entry in new])}
        for entry in new:
            values |= moved(None, entry)
        return values, {place: seen} | {keys.item(entry.run): None for entry in new}

    def move(
        self,
        old: Entry,
        new: Entry | None,
        counts: Counts | None = None,
        *,
        turns: Mapping[str, Any] = NOTHING,
    ) -> None:
        """`old`, as it was seen, becomes `new`; each of the turns goes on from what it was."""
        values = moved(old, new)
        expected: dict[str, Any] = {old.key: old.seen, **turns}
        if old.waits or (new and new.waits):
            place = keys.count(old.shard)
            expected[place] = counts.shards.get(place) if counts else self._ground.fact(place)
            values[place] = counted(expected[place], [(old, new)])
        values |= {place: (turn or 0) + 1 for place, turn in turns.items()}
        keep(self._ground, values, expected)


def _entries(found: Mapping[str, Any]) -> list[Entry]:
    return in_order(from_fact(RunId(keys.last(key)), fact) for key, fact in found.items())
