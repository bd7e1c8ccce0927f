"""What became of the runs: results, what they used, the graph of calls, and the feed of all that happened.

Pure over what the ledger gives.  It reads nothing and knows no clock, so the gateway's pages and `al stats` count alike.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TypeVar

from toolkit.core.clock import from_iso, iso
from toolkit.core.run import RERUN, Run, RunState, TriggerKind
from toolkit.core.work import Call, Delivery

T = TypeVar("T")
MOST_RUNS = 10_000  # how far back sums look; what is older than that many runs is left out


class Result(StrEnum):
    """What pages and the API call the state of a run."""

    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"
    RERUN = "rerun"
    ERROR = "error"
    KILLED = "killed"
    DEAD = "dead-letter"  # of a webhook that came to nothing


# pages list what waits first, then what goes on, then what is over
_ORDER = {Result.PENDING: 0, Result.RUNNING: 1}
GOOD = frozenset({Result.COMPLETED, Result.RERUN})


def result(run: Run) -> Result:
    """A success that asked to be run again is a rerun; a run that somebody stopped is no error."""
    if run.state is RunState.SUCCEEDED:
        return Result.RERUN if run.exit_code == RERUN else Result.COMPLETED
    if run.state is RunState.STOPPED:
        return Result.KILLED
    if run.state.final:
        return Result.ERROR
    return Result.PENDING if run.state is RunState.QUEUED else Result.RUNNING


def kind(run: Run) -> str:
    """The trigger as pages call it: an agent's call is `agent`."""
    return "agent" if run.trigger is TriggerKind.CALL else run.trigger.value


def duration_ms(run: Run) -> int | None:
    """Of the work, not of the time that it lay in the queue; None also of one that never started."""
    if run.finished is None or run.started is None:
        return None
    return max(0, _ms(run.finished) - began_ms(run))


def began_ms(run: Run) -> int:
    """When it started, or for a run that never did, when it was asked for."""
    return _ms(run.started or run.created)


def _ms(text: str) -> int:
    return round(from_iso(text).timestamp() * 1000)


# ------------------------------------------------------------------------------------- sums


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens, turns and money (US dollars), as sessions report them."""

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0
    total: int = 0
    turns: int = 0
    cost: float = 0.0

    @classmethod
    def of(cls, run: Run) -> "Usage":
        """What is not a number counts as none: it comes from a container."""
        if not run.usage:
            return NOTHING
        return cls(
            **{name: int(_number(run.usage.get(key))) for name, key in _TOKENS.items()},
            cost=_number(run.usage.get("cost")),
        )

    @classmethod
    def added(cls, used: Iterable["Usage"]) -> "Usage":
        """The sum of all."""
        known = [use for use in used if use != NOTHING]
        return cls(**{f.name: sum(getattr(use, f.name) for use in known) for f in fields(cls)})


NOTHING = Usage()
_TOKENS = {
    "input": "inputTokens",
    "output": "outputTokens",
    "cache_read": "cacheReadTokens",
    "cache_write": "cacheWriteTokens",
    "total": "totalTokens",
    "turns": "turnCount",
}


def _number(value: Any) -> float:
    good = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if good and 0 <= value < 1e15 else 0.0


def _average(values: Iterable[Any]) -> int | None:
    known = [value for value in values if isinstance(value, int | float)]
    return round(sum(known) / len(known)) if known else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """How often one agent called another, how deep on average, and how long it took (ms)."""

    caller: str
    target: str
    count: int
    depth: float
    average: int | None


def call_graph(calls: Iterable[Call]) -> tuple[Edge, ...]:
    """The busiest first."""
    grouped: dict[tuple[str, str], list[Call]] = {}
    for call in calls:
        grouped.setdefault((call.caller.agent, call.target), []).append(call)
    edges = [_edge(*pair, group) for pair, group in grouped.items()]
    return tuple(sorted(edges, key=lambda e: (-e.count, e.caller, e.target)))


def _edge(caller: str, target: str, calls: Sequence[Call]) -> Edge:
    return Edge(
        caller=caller,
        target=target,
        count=len(calls),
        depth=round(sum(call.depth for call in calls) / len(calls), 2),
        average=_average(_ms(c.finished) - _ms(c.created) for c in calls if c.finished),
    )


# --------------------------------------------------------------------------------- the feed


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which of them; an empty set means all.  `since` is ISO 8601 as the ledger writes it, which sorts as text."""

    agents: frozenset[str] = frozenset()
    kinds: frozenset[str] = frozenset()
    results: frozenset[str] = frozenset()
    since: str = ""

    @property
    def one(self) -> str | None:
        """The agent, where there is one alone: the ledger finds its runs faster."""
        return next(iter(self.agents)) if len(self.agents) == 1 else None

    def wants(self, run: Run) -> bool:
        return (
            (not self.agents or run.agent in self.agents)
            and (not self.kinds or kind(run) in self.kinds)
            and (not self.results or result(run) in self.results)
            and run.created >= self.since
        )

    def wants_dead(self, delivery: Delivery) -> bool:
        """Nobody's agent: a webhook that came to nothing is left out where agents are named."""
        return (
            not self.agents
            and (not self.kinds or "webhook" in self.kinds)
            and (not self.results or Result.DEAD in self.results)
            and delivery.received >= self.since
        )

    def wants_call(self, call: Call) -> bool:
        """Of the agents that are named, as caller or as called."""
        mine = not self.agents or bool({call.caller.agent, call.target} & self.agents)
        return mine and call.created >= self.since


def since(milliseconds: int | None) -> str:
    """Filter.since of a time in epoch milliseconds; None is the beginning."""
    return iso(datetime.fromtimestamp(milliseconds / 1000, UTC)) if milliseconds else ""


def activity(runs: Iterable[Run], dead: Iterable[Delivery], wanted: Filter) -> list[Run | Delivery]:
    """What waits, what goes on, and what is over, each the newest first.  A run is there once."""
    once = {run.id: run for run in runs if wanted.wants(run)}
    rows: list[Run | Delivery] = [*once.values(), *(d for d in dead if wanted.wants_dead(d))]
    rows.sort(key=_when, reverse=True)
    return sorted(rows, key=_group)


def _when(row: Run | Delivery) -> str:
    return row.received if isinstance(row, Delivery) else row.created


def _group(row: Run | Delivery) -> int:
    return 2 if isinstance(row, Delivery) else _ORDER.get(result(row), 2)


def cut(rows: Sequence[T], *, limit: int, offset: int) -> Sequence[T]:
    """One page of them."""
    return rows[offset : offset + limit]


def counted(rows: Iterable[T], name: Callable[[T], str]) -> dict[str, int]:
    """How many there are of each name."""
    counts: dict[str, int] = {}
    for row in rows:
        counts[name(row)] = counts.get(name(row), 0) + 1
    return counts
