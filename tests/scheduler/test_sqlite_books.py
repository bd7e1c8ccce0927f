"""The embedded ledger keeps the laws of its books: queue, locks, calls and deliveries, in one file."""

from pathlib import Path

import pytest

from tests.contracts.calls import CallsContract
from tests.contracts.deliveries import DeliveriesContract, PruneContract
from tests.contracts.locks import LocksContract
from tests.contracts.queue import QueueContract
from toolkit.core.environment import Environment, Scope
from toolkit.core.ports import Context
from toolkit.scheduler.ledgers.sqlite import SqliteLedger


@pytest.fixture
def ledger(tmp_path: Path) -> SqliteLedger:
    environment = Environment(name="local", scope=Scope(project="p", environment="local"))
    return SqliteLedger(Context(environment=environment, home=tmp_path, project=tmp_path))


class TestQueue(QueueContract):
    """Work in one file."""


class TestLocks(LocksContract):
    """What runs have to themselves, in one file."""


class TestCalls(CallsContract):
    """What agents asked of each other, in one file."""


class TestDeliveries(DeliveriesContract):
    """Webhooks that came in, in one file."""


class TestPrune(PruneContract):
    """What is old and over is forgotten."""
