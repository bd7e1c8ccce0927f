"""Pages and sums of many runs that are over."""

from pathlib import Path
from typing import Any

import pytest

from tests.contracts.ledger import START, a_run
from toolkit.core.clock import iso
from toolkit.core.environment import Environment, Scope
from toolkit.core.ports import Context
from toolkit.core.run import Run, RunState
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


def test_sums_are_by_agent(ledger: SqliteLedger) -> None:
    """Runs, how they ended, tokens and money; what a run did not report counts as nothing."""
    usage = {"inputTokens": 10, "outputTokens": 5, "totalTokens": 15, "cost": 0.25}
    over(ledger, "dev", 1, usage=usage)
    over(ledger, "dev", 2, usage=usage, state=RunState.STOPPED)
    over(ledger, "ops", 3, state=RunState.FAILED)
    dev, ops = ledger.history.sums()
    assert (dev.agent, dev.runs, dev.succeeded, dev.stopped) == ("dev", 2, 1, 1)
    assert (dev.input_tokens, dev.output_tokens, dev.tokens, dev.cost) == (20, 10, 30, 0.5)
    assert (ops.agent, ops.runs, ops.succeeded, ops.tokens, ops.cost) == ("ops", 1, 0, 0, 0.0)


def test_what_is_reported_after_the_end_counts(ledger: SqliteLedger) -> None:
    """A late report of usage changes the sum."""
    run = over(ledger, "dev", 1)
    ledger.update(run.id, usage={"totalTokens": 7})
    assert [found.tokens for found in ledger.history.sums(since=iso(START))] == [7]
