"""What goes on now: each agent's state, its queue, its next run, and who holds what.

Computed from the ledger's books, the roster and the switches, in this one place, so that the gateway's pages and
`al stat` without a gateway say the same.  `look` reads; everything else is pure.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from toolkit.core.ports import Ledger
from toolkit.core.run import Run, RunId, RunState
from toolkit.core.sources import as_said
from toolkit.core.work import Lock

from . import switches as turned
from . import turns
from .history import Result, Usage, duration_ms, kind, result
from .line import Lines, left
from .roster import Post, Roster
from .switches import Switches

RECENT = 300  # runs that one look reads for what agents did last
MOST_ACTIVE = 1_000  # runs, waiting ones included, of which one look knows
MOST_ASKED = 100  # runs whose own words one look reads: each is a call to a cloud's table
MOST_QUIET = 30  # agents that have not run for long, whose last run is looked up
NextRun = Callable[[Post, datetime], datetime | None]


class State(StrEnum):
    RUNNING = "running"
    IDLE = "idle"
    ERROR = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What was there at one look.  `said` is what a run last said of itself."""

    moment: datetime
    roster: Roster
    switches: Switches
    active: Sequence[Run] = ()
    recent: Sequence[Run] = ()  # those of the newest that are over
    lengths: Mapping[str, int] = field(default_factory=dict)
    locks: Sequence[Lock] = ()
    said: Mapping[RunId, str] = field(default_factory=dict)
    lines: Lines = field(default_factory=dict)


def look(ledger: Ledger, roster: Roster, moment: datetime) -> Seen:
    """One look at the books.  A run whose container has reported its end is over, though nobody has closed it yet."""
    found = going_on(ledger)
    boxes = {run.id: ledger.mailbox(run.id) for run in begun(found)[:MOST_ASKED]}
    said = [as_said(run, boxes[run.id]) if run.id in boxes else run for run in found]
    known = {run.id: run for run in (*_recent(ledger, roster), *said)}
    over = [run for run in known.values() if run.state.final]
    return Seen(
        moment=moment,
        roster=roster,
        switches=turned.read(ledger),
        active=[run for run in said if not run.state.final],
        recent=over,
        lengths=ledger.queue.lengths(),
        locks=ledger.locks.held(moment=moment),
        said={run: box.status for run, box in boxes.items() if box.status},
        lines=left(turns.read(ledger), *(run.id for run in over)),
    )


def going_on(ledger: Ledger, agent: str | None = None) -> list[Run]:
    """Runs whose end is not recorded, newest first: the newest of them, and however much waits, all that are at work."""
    found = {r.id: r for r in ledger.runs(agent=agent, active=True, limit=MOST_ACTIVE)}
    at_work = {i.run for i in ledger.queue.at_work() if agent in (None, i.agent)}
    older = (ledger.get(run) for run in at_work - found.keys())
    runs = [*found.values(), *(run for run in older if run and not run.state.final)]
    return sorted(runs, key=lambda run: (run.created, run.id), reverse=True)


def begun(runs: Sequence[Run]) -> list[Run]:
    """Those that are being launched or at work: what waits in the queue is not."""
    return [run for run in runs if run.state is not RunState.QUEUED]


def _recent(ledger: Ledger, roster: Roster) -> list[Run]:
    """The newest runs, and the last ones of agents that are not among them, as far as those are few."""
    runs = list(ledger.runs(limit=RECENT))
    missing = roster.posts.keys() - {run.agent for run in runs} if len(runs) == RECENT else ()
    for agent in sorted(missing)[:MOST_QUIET]:
        runs += ledger.runs(agent=agent, limit=1)
    return runs


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One agent, now.  `instances` are its runs that were launched, `last` is the one that ended last."""

    post: Post
    state: State
    enabled: bool
    scale: int
    queued: int
    instances: tuple[Run, ...]
    last: Run | None
    next_run: datetime | None
    said: str | None
    trouble: str | None
    usage: Usage  # of the recent runs
    locks: tuple[Lock, ...]

    @property
    def triggers(self) -> tuple[str, ...]:
        """What starts it, in words."""
        timed = ("schedule",) if self.post.timing else ()
        return (*timed, *(_label(hook.source, hook.filters) for hook in self.post.webhooks))


def standings(seen: Seen, next_run: NextRun) -> tuple[Standing, ...]:
    """Every agent of the roster, by name."""
    return tuple(standing(seen, name, next_run) for name in sorted(seen.roster.posts))


def standing(seen: Seen, agent: str, next_run: NextRun) -> Standing:
    """Raises NotFound."""
    post = seen.roster.post(agent)
    over = [run for run in seen.recent if run.agent == agent and run.state.final]
    mine = tuple(run for run in instances(seen) if run.agent == agent)
    last = max(over, key=lambda run: run.finished or run.created, default=None)
    failed = last is not None and result(last) is Result.ERROR
    return Standing(
        post=post,
        state=State.RUNNING if mine else State.ERROR if failed else State.IDLE,
        enabled=agent not in seen.switches.disabled,
        scale=seen.switches.scale(seen.roster, agent),
        queued=seen.lengths.get(agent, 0),
        instances=mine,
        last=last,
        next_run=upcoming(seen, post, next_run),
        said=next((seen.said[run.id] for run in mine if run.id in seen.said), None),
        trouble=(last.reason or last.state.value) if last and failed else None,
        usage=Usage.added(Usage.of(run) for run in over),
        locks=tuple(lock for lock in seen.locks if lock.holder.agent == agent),
    )


def instances(seen: Seen) -> list[Run]:
    """The runs that were launched, newest first."""
    return begun(seen.active)


def upcoming(seen: Seen, post: Post, next_run: NextRun) -> datetime | None:
    """When its schedule starts it next; None where nothing will."""
    switches = seen.switches
    off = switches.paused or post.agent in switches.disabled
    off = off or bool(switches.idle(post))
    if off or not post.timing or switches.scale(seen.roster, post.agent) == 0:
        return None
    return next_run(post, seen.moment)


def doing(run: Run) -> str:
    """Why it runs, in words: its trigger, and who or what pulled it."""
    return f"{kind(run)} ({run.source})" if run.source else kind(run)


def last_seconds(standing: Standing) -> float | None:
    """How long the last run took."""
    took = duration_ms(standing.last) if standing.last else None
    return None if took is None else took / 1000


def _label(source: str, filters: Mapping[str, Any]) -> str:
    """`my-github issues labeled`: the source, and the events and actions that it wants."""
    wanted: list[str] = []
    for key in ("events", "actions"):
        given = filters.get(key, ())
        wanted += [given] if isinstance(given, str) else [str(item) for item in given]
    return " ".join((source, *wanted))
