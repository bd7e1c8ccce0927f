"""Runs that are over, as pages and as sums: from columns where the ledger keeps such, else from its newest runs.

Runs that have reported their end, and that nobody has settled yet, count as over.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from toolkit.core.ports import Ledger
from toolkit.core.run import Run
from toolkit.core.sources import reported
from toolkit.core.sums import NOTHING, KeepsHistory, Sums
from toolkit.core.work import Page

from .history import GOOD, MOST_RUNS, Filter, Result, Usage, cut, duration_ms, result
from .status import MOST_ASKED, begun


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Of runs that are over.  `ok` are the completed ones and the reruns; averages are milliseconds, None of nothing."""

    runs: int = 0
    ok: int = 0
    errors: int = 0
    killed: int = 0
    average: int | None = None
    before: int | None = None  # hooks before the work
    after: int | None = None  # and after it
    usage: Usage = field(default_factory=Usage)


def sums(ledger: Ledger, wanted: Filter) -> Mapping[str, Sums]:
    """By agent's name, of the agents that have run."""
    if not isinstance(ledger, KeepsHistory) or wanted.kinds or wanted.results:
        return summed(run for run in newest(ledger, wanted.one) if wanted.wants(run))
    told = summed(run for run in _told(ledger) if wanted.wants(run))
    kept = ledger.history.sums(since=wanted.since)
    names = [n for n in kept.keys() | told.keys() if not wanted.agents or n in wanted.agents]
    return {name: kept.get(name, NOTHING) + told.get(name, NOTHING) for name in sorted(names)}


def over(ledger: Ledger, agent: str, *, limit: int, offset: int = 0) -> Page:
    """The agent's runs that are over, newest first."""
    if not isinstance(ledger, KeepsHistory):
        found = [run for run in newest(ledger, agent) if run.state.final]
        return Page(rows=tuple(cut(found, limit=limit, offset=offset)), total=len(found))
    told = [run for run in _told(ledger) if run.agent == agent]
    first = told[offset : offset + limit]
    page = ledger.history.page(
        agent=agent, limit=limit - len(first), offset=max(offset - len(told), 0)
    )
    return Page(rows=(*first, *page.rows), total=len(told) + page.total)


def newest(ledger: Ledger, agent: str | None) -> list[Run]:
    """At most MOST_RUNS; those that go on as their containers say, as far as those are few."""
    found = ledger.runs(agent=agent, limit=MOST_RUNS)
    active = [run for run in begun(found) if not run.state.final]
    asked = {run.id: reported(run, ledger) for run in active[:MOST_ASKED]}
    return [asked.get(run.id, run) for run in found]


def complete(found: Sequence[Run]) -> bool:
    """Whether `newest` has found all that there are, so that a filter has missed none."""
    return len(found) < MOST_RUNS


def _told(ledger: Ledger) -> list[Run]:
    """Those whose containers say that they are over, and whose records do not yet."""
    active = begun(ledger.runs(active=True, limit=MOST_RUNS))
    return [
        run for run in (reported(one, ledger) for one in active[:MOST_ASKED]) if run.state.final
    ]


# ------------------------------------------------------------------------------------- sums


def summed(runs: Iterable[Run]) -> dict[str, Sums]:
    """By agent, of those of them that are over."""
    found: dict[str, Sums] = {}
    for run in runs:
        if run.state.final:
            found[run.agent] = found.get(run.agent, NOTHING) + _sums(run)
    return {agent: found[agent] for agent in sorted(found)}


def _sums(run: Run) -> Sums:
    used, ended, took = Usage.of(run), result(run), duration_ms(run)
    before, after = (_milliseconds(run, name) for name in ("preHookMs", "postHookMs"))
    return Sums(
        runs=1,
        ok=int(ended in GOOD),
        killed=int(ended is Result.KILLED),
        timed=int(took is not None),
        duration_ms=took or 0,
        hooked_before=int(before is not None),
        before_ms=before or 0,
        hooked_after=int(after is not None),
        after_ms=after or 0,
        input=used.input,
        output=used.output,
        cache_read=used.cache_read,
        cache_write=used.cache_write,
        total=used.total,
        turns=used.turns,
        cost=used.cost,
    )


def _milliseconds(run: Run, name: str) -> int | None:
    """What a hook took; what is not a number is none: it comes from a container."""
    value = run.usage.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e15:
        return None
    return int(value)


def summary(found: Sums) -> Summary:
    """As pages and `al stats` show it."""
    return Summary(
        runs=found.runs,
        ok=found.ok,
        errors=found.runs - found.ok - found.killed,
        killed=found.killed,
        average=_average(found.duration_ms, found.timed),
        before=_average(found.before_ms, found.hooked_before),
        after=_average(found.after_ms, found.hooked_after),
        usage=Usage(
            input=found.input,
            output=found.output,
            cache_read=found.cache_read,
            cache_write=found.cache_write,
            total=found.total,
            turns=found.turns,
            cost=found.cost,
        ),
    )


def _average(milliseconds: int, count: int) -> int | None:
    return round(milliseconds / count) if count else None
