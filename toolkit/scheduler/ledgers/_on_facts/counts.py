"""How many wait, by agent, without looking at them.  Values only.

Each waiting item is counted in one shard, a small fact that changes in the same step as the item.  Of each agent a shard
says how many of its items are in line, how many are delayed, and a place that none of those in line is before: so whoever
looks for the oldest work of all agents asks for the heads of few lines.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from .entry import Entry
from .ground import Crossed

SHARDS = "0123456789abcdef"  # more would be read by whoever looks for work, fewer would be changed by many at once

Change = tuple[
    Entry | None, Entry | None
]  # what an entry was, and what it is then; None is not there


class Count(NamedTuple):
    """Of one agent.  As JSON it is a list."""

    in_line: int = 0
    delayed: int = 0
    first: str = ""  # no place in line is before this one

    def without(self, entry: Entry, *, taken: bool) -> "Count":
        """Who takes takes the first, so all others are behind it."""
        if entry.delayed:
            return self._replace(delayed=self.delayed - 1)
        first = max(self.first, entry.place) if taken else self.first
        return self._replace(in_line=self.in_line - 1, first=first)

    def joined_by(self, entry: Entry) -> "Count":
        if entry.delayed:
            return self._replace(delayed=self.delayed + 1)
        first = min(self.first, entry.place) if self.in_line else entry.place
        return self._replace(in_line=self.in_line + 1, first=first)


def counted(shard: Mapping[str, Any] | None, changes: Iterable[Change]) -> dict[str, Any] | None:
    """The shard after these; None when nothing waits in it any more.  Raises Crossed when what waited does so no more."""
    known = {agent: Count(*numbers) for agent, numbers in (shard or {}).items()}
    for old, new in changes:
        if old and old.waits:
            if old.agent not in known:
                raise Crossed(f"{old.run} was taken just now", hint="look again")
            known[old.agent] = known[old.agent].without(old, taken=new is not None and new.at_work)
        if new and new.waits:
            known[new.agent] = known.get(new.agent, Count()).joined_by(new)
    left = {str(agent): list(c) for agent, c in known.items() if c.in_line or c.delayed}
    return left or None


@dataclass(frozen=True, slots=True)
class Counts:
    """All shards, by their keys."""

    shards: Mapping[str, Mapping[str, Any]]

    def of(self, agent: str) -> Count:
        counts = [Count(*shard[agent]) for shard in self.shards.values() if agent in shard]
        return Count(
            in_line=sum(count.in_line for count in counts),
            delayed=sum(count.delayed for count in counts),
            first=min((count.first for count in counts if count.in_line), default=""),
        )

    def waiting(self, agent: str) -> int:
        found = self.of(agent)
        return found.in_line + found.delayed

    def lengths(self) -> dict[str, int]:
        agents = sorted({agent for shard in self.shards.values() for agent in shard})
        return {agent: self.waiting(agent) for agent in agents}
