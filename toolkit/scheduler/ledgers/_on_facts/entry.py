"""A work item as facts: what is kept of it, and where, follows from what it is.  Values only.

`moved` says what to write so that one becomes another; `abandoned` and `agents_with_room` who may be next.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import datetime
from typing import Any

from toolkit.core.agent import AgentName
from toolkit.core.clock import iso
from toolkit.core.run import RunId, Trigger, TriggerKind
from toolkit.core.work import Rooms, WorkItem

from . import keys

LONG = 1_000  # bytes of JSON from which on a trigger lies apart: all that are at work are read together


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """`trigger` is None where it lies apart; `record` is the run's, as it was queued.

    `dropped` is when it had to make room, until its run's end is recorded.  `came` says, of those that one process queued,
    which was first.  `delayed`: it lies apart from its line until `not_before`.  `takes` is how often somebody took it,
    `shard` where it is counted while it waits, `seen` the fact that it was read from."""

    run: RunId
    created: str
    record: Mapping[str, Any]
    trigger: Mapping[str, Any] | None = None
    once: str = ""
    not_before: str | None = None
    delayed: bool = False
    attempts: int = 0
    takes: int = 0
    holder: str | None = None
    until: str | None = None
    started: bool = False
    dropped: str | None = None
    came: int = 0
    shard: str = "0"
    seen: Mapping[str, Any] | None = field(default=None, compare=False)

    @property
    def agent(self) -> AgentName:
        return self.run.agent

    @property
    def at_work(self) -> bool:
        return self.holder is not None or self.started

    @property
    def waits(self) -> bool:
        return not self.at_work and self.dropped is None

    @property
    def place(self) -> str:
        """In its agent's line, and among those of others: places are in order."""
        return f"{self.created}/{self.came:09}/{self.run}"

    @property
    def key(self) -> str:
        """Where it lies."""
        return self._waiting_key if self.waits else keys.at_work(self.run)

    @property
    def _waiting_key(self) -> str:
        if self.waits and self.delayed:
            return keys.later(self.agent, self.not_before, self.place)
        return keys.line(self.agent, self.place)

    def let_go(self, moment: datetime) -> bool:
        """Whoever holds it let the time run out."""
        return self.until is not None and self.until <= iso(moment)

    def facts(self) -> dict[str, Any]:
        """All that is kept of it, without a trigger that lies apart and without its count."""
        found = {self.key: self.to_fact(), keys.item(self.run): self._waiting_key}
        if self.once and self.waits:
            found[keys.once(self.agent, self.once, self.place)] = str(self.run)
        return found

    def to_fact(self) -> dict[str, Any]:
        """Without what is as it is by default: many lie in a line."""
        known = ((f.name, f.default) for f in fields(self) if f.name in _KEPT)
        return {n: getattr(self, n) for n, default in known if getattr(self, n) != default}

    def item(self, trigger: Mapping[str, Any]) -> WorkItem:
        return WorkItem(
            run=self.run,
            trigger=parsed(trigger),
            created=self.created,
            once=self.once,
            not_before=self.not_before,
            attempts=self.attempts,
            holder=self.holder,
            until=self.until,
            started=self.started,
        )

    # what becomes of it

    def counted_in(self, shard: str) -> "Entry":
        return replace(self, shard=shard)

    def taken(self, holder: str, until: str) -> "Entry":
        """Who takes over what another let go goes on with the same attempt."""
        number = self.attempts + self.waits
        return replace(self, holder=holder, until=until, attempts=number, takes=self.takes + 1)

    def given_back(self, not_before: str, *, tried: bool = True) -> "Entry":
        left = self if tried else self.freed()
        return replace(left, holder=None, until=None, not_before=not_before, delayed=True)

    def freed(self) -> "Entry":
        """It waits again, and nobody has tried it."""
        return replace(self, holder=None, until=None, attempts=max(self.attempts - 1, 0))


_KEPT = frozenset(f.name for f in fields(Entry)) - {"run", "seen"}


def from_fact(run: RunId, fact: Mapping[str, Any]) -> Entry:
    """Fields that this version does not know are left out: a newer `al` may have queued it."""
    return Entry(run=run, seen=fact, **{name: fact[name] for name in _KEPT & fact.keys()})


def moved(old: Entry | None, new: Entry | None) -> dict[str, Any]:
    """What to write so that `old` becomes `new`; None is one that is not there.  Counts are told apart (counts.py)."""
    before, after = (entry.facts() if entry else {} for entry in (old, new))
    if old and not new and old.trigger is None:
        before[keys.trigger(old.run)] = ...
    gone: dict[str, Any] = dict.fromkeys(before.keys() - after.keys())
    return gone | {key: value for key, value in after.items() if before.get(key) != value}


def plain(trigger: Trigger) -> dict[str, Any]:
    return asdict(trigger)


def parsed(data: Mapping[str, Any]) -> Trigger:
    known = {f.name: data[f.name] for f in fields(Trigger) if f.name in data}
    return Trigger(**known | {"agent": AgentName(data["agent"]), "kind": TriggerKind(data["kind"])})


def in_order(entries: Iterable[Entry]) -> list[Entry]:
    return sorted(entries, key=lambda entry: entry.place)


def abandoned(at_work: Sequence[Entry], rooms: Rooms, moment: datetime) -> Entry | None:
    """What was let go goes before all others, into the room that it never left: its run may have begun."""
    found = (e for e in in_order(at_work) if e.let_go(moment) and rooms.agents.get(e.agent, 0) > 0)
    return next(found, None)


def agents_with_room(at_work: Sequence[Entry], rooms: Rooms) -> list[str]:
    """Who may start something now."""
    busy = Counter(str(entry.agent) for entry in at_work if entry.at_work)
    if rooms.total is not None and busy.total() >= rooms.total:
        return []
    return [agent for agent, most in rooms.agents.items() if busy[agent] < most]
