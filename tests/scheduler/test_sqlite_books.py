"""The embedded ledger keeps the laws of its books: queue, locks, calls and deliveries, in one file."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.contracts.calls import CallsContract
from tests.contracts.deliveries import DeliveriesContract, PruneContract
from tests.contracts.holding import HoldingContract
from tests.contracts.locks import LocksContract
from tests.contracts.queue import QueueContract
from tests.contracts.turns import TurnsContract
from toolkit.core.environment import Environment, Scope
from toolkit.core.ports import Context
from toolkit.core.run import RunId
from toolkit.scheduler.ledgers.sqlite import SqliteLedger


@pytest.fixture
def ledger(tmp_path: Path) -> SqliteLedger:
    environment = Environment(name="local", scope=Scope(project="p", environment="local"))
    return SqliteLedger(Context(environment=environment, home=tmp_path, project=tmp_path))


class TestQueue(QueueContract, HoldingContract):
    """Work in one file."""


class TestTurns(TurnsContract):
    """What runs have to themselves, in one file."""


class TestLocks(LocksContract):
    """What runs have to themselves, in one file."""


def test_who_holds_nothing_costs_no_commit(ledger: SqliteLedger) -> None:
    """Every run's end asks for its locks, and a commit is an fsync."""
    ledger.prepare()
    with closing(sqlite3.connect(ledger.path)) as db:
        before = db.execute("PRAGMA data_version").fetchone()
        assert ledger.locks.release_all(RunId("dev-00000001")) == 0
        assert db.execute("PRAGMA data_version").fetchone() == before


class TestCalls(CallsContract):
    """What agents asked of each other, in one file."""


class TestDeliveries(DeliveriesContract):
    """Webhooks that came in, in one file."""


class TestPrune(PruneContract):
    """What is old and over is forgotten."""
