"""A work item as a fact, and who is next: values and decisions only."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import datetime
from typing import Any

from toolkit.core.agent import AgentName
from toolkit.core.clock import iso
from toolkit.core.run import RunId, Trigger, TriggerKind
from toolkit.core.work import Rooms, WorkItem

LONG = 1_000  # bytes of JSON from which on a trigger lies apart: whoever takes reads the whole line


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """`trigger` is None where it lies apart; `record` is the run's, as it was queued; `dropped` is when it had to make
    room, until its run's end is recorded; `came` says, of those that one process queued, which was first.  `seen` is the
    fact that it was read from."""

    run: RunId
    created: str
    record: Mapping[str, Any]
    trigger: Mapping[str, Any] | None = None
    once: str = ""
    not_before: str | None = None
    attempts: int = 0
    holder: str | None = None
    until: str | None = None
    started: bool = False
    dropped: str | None = None
    came: int = 0
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

    def due(self, moment: datetime) -> bool:
        return self.waits and (self.not_before is None or self.not_before <= iso(moment))

    def let_go(self, moment: datetime) -> bool:
        """Whoever holds it let the time run out."""
        return self.until is not None and self.until <= iso(moment)

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


_KEPT = frozenset(f.name for f in fields(Entry)) - {"run", "seen"}


def from_fact(run: RunId, fact: Mapping[str, Any]) -> Entry:
    """Fields that this version does not know are left out: a newer `al` may have queued it."""
    return Entry(run=run, seen=fact, **{name: fact[name] for name in _KEPT & fact.keys()})


def plain(trigger: Trigger) -> dict[str, Any]:
    return asdict(trigger)


def parsed(data: Mapping[str, Any]) -> Trigger:
    known = {f.name: data[f.name] for f in fields(Trigger) if f.name in data}
    return Trigger(**known | {"agent": AgentName(data["agent"]), "kind": TriggerKind(data["kind"])})


def in_order(entries: Iterable[Entry]) -> list[Entry]:
    return sorted(entries, key=lambda entry: (entry.created, entry.came, entry.run))


def following(entries: Sequence[Entry], rooms: Rooms, moment: datetime) -> Entry | None:
    """Who is next: before all others what was let go, into the room that it never left, because its run may have begun."""
    ordered = in_order(entries)
    for entry in ordered:
        if entry.let_go(moment) and rooms.agents.get(entry.agent, 0) > 0:
            return entry
    at_work = Counter(entry.agent for entry in entries if entry.at_work)
    if rooms.total is not None and at_work.total() >= rooms.total:
        return None
    return next(
        (
            entry
            for entry in ordered
            if entry.due(moment) and at_work[entry.agent] < rooms.agents.get(entry.agent, 0)
        ),
        None,
    )


def freed(entry: Entry, moment: datetime) -> Entry:
    """As it is once nobody holds it who let the time run out."""
    return replace(entry, holder=None, until=None) if entry.let_go(moment) else entry
