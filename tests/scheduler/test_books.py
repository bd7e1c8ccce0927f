"""The books in memory obey the laws that all books obey."""

import pytest

from tests.contracts.calls import CallsContract
from tests.contracts.deliveries import DeliveriesContract, PruneContract
from tests.contracts.holding import HoldingContract
from tests.contracts.locks import A, LocksContract
from tests.contracts.queue import QueueContract, at, put, taken
from tests.contracts.turns import TurnsContract
from tests.fakes import MemoryLedger
from toolkit.core.run import RERUN, RunState


@pytest.fixture
def ledger() -> MemoryLedger:
    return MemoryLedger()


class TestQueue(QueueContract, HoldingContract):
    """On facts."""

    def test_a_run_that_ended_while_it_was_held_is_followed_up(self, ledger: MemoryLedger) -> None:
        """Whoever recorded its end died before its rerun was queued: who takes the item next does that."""
        run = put(ledger).run
        assert taken(ledger, by="dead") == run
        ledger.update(run, state=RunState.SUCCEEDED, exit_code=RERUN)
        assert taken(ledger, after=91) == run
        assert ledger.queue.get(run) is not None


class TestTurns(TurnsContract):
    """On facts."""


class TestLocks(LocksContract):
    """On facts."""

    def test_more_locks_than_one_step_changes_are_freed(self, ledger: MemoryLedger) -> None:
        """A transaction of DynamoDB changes a hundred items."""
        many = [f"file:///{n:03}" for n in range(120)]
        for key in many:
            ledger.locks.acquire(key, A, seconds=10, moment=at(0))
        assert ledger.locks.release_all(A) == 120
        assert list(ledger.locks.held(moment=at(0))) == []
        assert ledger.facts("") == {}


class TestCalls(CallsContract):
    """On facts."""


class TestDeliveries(DeliveriesContract):
    """On facts."""


class TestPrune(PruneContract):
    """Of everything in memory."""
