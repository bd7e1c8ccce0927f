"""Pages and sums of many runs that are over."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.contracts.ledger import START, a_run
from tests.contracts.queue import at
from tests.fakes import MemoryLedger
from toolkit.core.clock import iso
from toolkit.core.environment import Environment, Scope
from toolkit.core.ports import Context
from toolkit.core.run import Run, RunState
from toolkit.core.work import Page
from toolkit.scheduler import past
from toolkit.scheduler.history import Filter
from toolkit.scheduler.ledgers.sqlite import SqliteLedger


@pytest.fixture
def ledger(tmp_path: Path) -> SqliteLedger:
    environment = Environment(name="local", scope=Scope(project="p", environment="local"))
    return SqliteLedger(Context(environment=environment, home=tmp_path, project=tmp_path))


def over(ledger: SqliteLedger, agent: str, after: float, **changes: Any) -> Run:
    run = a_run(agent, after=after)
    ledger.add(run)
    return ledger.update(run.id, **{"state": RunState.SUCCEEDED} | changes)


def test_runs_that_are_over_are_paged_newest_first(ledger: SqliteLedger) -> None:
    """Those that go on are left out; the total is of all pages."""
    runs = [over(ledger, "dev", after) for after in range(5)]
    ledger.add(a_run(after=9))
    page = ledger.history.page(limit=2, offset=1)
    assert (list(page.rows), page.total) == ([runs[3], runs[2]], 5)


def test_a_page_is_of_one_agent_and_since_a_time(ledger: SqliteLedger) -> None:
    """A run that was created at that very time belongs to it."""
    over(ledger, "dev", 1)
    second = over(ledger, "dev", 2)
    over(ledger, "ops", 3)
    page = ledger.history.page(agent="dev", since=second.created)
    assert (list(page.rows), page.total) == ([second], 1)


USAGE = {
    "inputTokens": 10,
    "outputTokens": 5,
    "cacheReadTokens": 3,
    "cacheWriteTokens": 2,
    "totalTokens": 20,
    "turnCount": 4,
    "cost": 0.25,
    "preHookMs": 70,
    "postHookMs": 30.9,
}
STRANGE = {
    "inputTokens": "many",
    "outputTokens": -1,
    "totalTokens": True,
    "cost": 1e300,
    "turnCount": 2.9,
    "preHookMs": None,
    "postHookMs": [1],
}
ENDS: list[dict[str, Any]] = [
    {},
    {"usage": USAGE, "started": iso(at(2)), "finished": iso(at(3.217))},
    {"usage": STRANGE, "started": iso(at(5)), "finished": iso(at(4))},
    {"exit_code": 42, "finished": iso(at(9))},
    {"state": RunState.STOPPED, "usage": USAGE, "started": iso(at(0.001))},
    {"state": RunState.FAILED, "started": iso(at(1)), "finished": iso(at(86_401.999))},
    {"state": RunState.LOST},
]


def test_sums_from_columns_are_those_of_the_runs(ledger: SqliteLedger) -> None:
    """Whatever a container reports as its usage, and whichever of its times are known."""
    runs = [over(ledger, agent, 1, **end) for end in ENDS for agent in ("dev", "ops")]
    assert ledger.history.sums() == past.summed(runs)
    assert past.sums(ledger, Filter()) == past.summed(runs)
    assert list(past.sums(ledger, Filter(agents=frozenset(["ops"])))) == ["ops"]
    assert past.sums(ledger, Filter(since=iso(at(2)))) == {}


def test_sums_are_as_a_ledger_without_columns_tells_them(ledger: SqliteLedger) -> None:
    """In memory, in a cloud's table, or here."""
    memory = MemoryLedger()
    runs = [over(ledger, "dev", after, **end) for after, end in enumerate(ENDS)]
    for run in runs:
        memory.add(run)
    pages = [past.over(one, "dev", limit=3, offset=2) for one in (ledger, memory)]
    assert past.sums(memory, Filter()) == past.sums(ledger, Filter())
    assert pages == [Page(rows=tuple(runs[4:1:-1]), total=7)] * 2


def test_a_run_that_has_reported_its_end_counts_before_it_is_settled(ledger: SqliteLedger) -> None:
    """Once, whoever settles it meanwhile; it stands before those that are over."""
    old, new = over(ledger, "dev", 1), a_run("dev", after=2, state=RunState.RUNNING)
    ledger.add(new)
    report = {"exit_code": 0, "state": "succeeded", "finished": iso(at(5))}
    container(ledger, new, report)
    page = past.over(ledger, "dev", limit=5)
    assert ([run.id for run in page.rows], page.total) == ([new.id, old.id], 2)
    assert past.sums(ledger, Filter())["dev"].runs == 2
    assert [r.id for r in past.over(ledger, "dev", limit=1, offset=1).rows] == [old.id]


def test_what_is_reported_after_the_end_counts(ledger: SqliteLedger) -> None:
    """A late report of usage changes the sum."""
    run = over(ledger, "dev", 1)
    ledger.update(run.id, usage={"totalTokens": 7})
    assert ledger.history.sums(since=iso(START))["dev"].total == 7


def container(ledger: SqliteLedger, run: Run, report: dict[str, Any]) -> None:
    """As its entry point does."""
    with closing(sqlite3.connect(ledger.path)) as db, db:
        query = "INSERT INTO mailbox (run, claimed, report) VALUES (?, ?, ?)"
        db.execute(query, (run.id, iso(START), json.dumps(report)))
