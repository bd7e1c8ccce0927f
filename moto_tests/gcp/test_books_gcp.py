"""The books in an environment's Firestore database: the laws of all books, and what each step costs."""

from collections import Counter
from collections.abc import Callable

import pytest

from tests.contracts.calls import CallsContract
from tests.contracts.deliveries import DeliveriesContract, PruneContract, a_delivery, some_work
from tests.contracts.holding import HoldingContract
from tests.contracts.locks import A, LocksContract, X, asks
from tests.contracts.queue import MANY, QueueContract, put, taken
from tests.contracts.turns import TurnsContract
from toolkit.core.ports import Context, Ledger
from toolkit.sandbox.gcp.cloud import Google
from toolkit.scheduler.ledgers import firestore


@pytest.fixture
def ledger(gcp_context: Context) -> Ledger:
    ledger: Ledger = firestore.PLUGIN(gcp_context)
    ledger.prepare()
    return ledger


class TestQueue(QueueContract, HoldingContract):
    """In the database."""


class TestTurns(TurnsContract):
    """In the database."""


class TestLocks(LocksContract):
    """In the database."""


class TestCalls(CallsContract):
    """In the database."""


class TestDeliveries(DeliveriesContract):
    """In the database."""


class TestPrune(PruneContract):
    """Of everything in the database."""


@pytest.fixture
def counted(google: Google) -> Callable[[], list[str]]:
    """The calls since the last time that somebody asked, by RPC, each with its number."""
    before: Counter[str] = Counter()

    def since() -> list[str]:
        found = google.counts - before
        before.update(found)
        return sorted(f"{method.rpartition('/')[2]} {found[method]}" for method in found)

    return since


def test_a_runs_way_through_the_queue_costs_few_calls(
    ledger: Ledger, counted: Callable[[], list[str]]
) -> None:
    """Every conditional write is a read and a commit."""
    counted()
    run = put(ledger).run
    assert counted() == ["BatchGetDocuments 2", "Commit 1", "CreateDocument 1", "RunQuery 1"]
    assert taken(ledger) == run
    assert counted() == ["BatchGetDocuments 3", "Commit 1", "RunQuery 3"]
    ledger.queue.started(run, "me")
    assert counted() == ["BatchGetDocuments 2", "Commit 1"]
    ledger.queue.done(run)
    assert counted() == ["BatchGetDocuments 2", "Commit 1"]


def test_looking_for_work_where_there_is_none_costs_one_call(
    ledger: Ledger, counted: Callable[[], list[str]]
) -> None:
    """Schedulers look all the time."""
    counted()
    assert taken(ledger, MANY) is None
    assert counted() == ["RunQuery 1"]


def test_a_delivery_is_durable_in_one_commit(
    ledger: Ledger, counted: Callable[[], list[str]]
) -> None:
    """After looks whether it and its runs' ids are known; then each run is recorded, and its agent's line counted."""
    counted()
    ledger.deliveries.accept(a_delivery(body=b"x"), some_work("dev"))
    assert counted() == ["BatchGetDocuments 4", "Commit 1", "CreateDocument 1", "RunQuery 1"]


def test_a_lock_costs_three_calls(ledger: Ledger, counted: Callable[[], list[str]]) -> None:
    """A look, and a conditional write."""
    counted()
    asks(ledger, A, X)
    assert counted() == ["BatchGetDocuments 2", "Commit 1"]
