"""A process dies between any two writes: whoever comes next finds nothing lost, nothing twice, and nothing stuck."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.contracts.deliveries import a_delivery, some_work
from tests.contracts.ledger import a_run
from tests.contracts.locks import A, B, X, asks
from tests.contracts.queue import MANY, an_item, at, put, taken, waits
from tests.fakes import MemoryLedger
from toolkit.core.run import Cause, Run, RunId, RunState
from toolkit.core.work import LockAnswer

WRITES = range(1, 8)  # no step below needs more


class Died(Exception):
    """The process is gone."""


class Mortal(MemoryLedger):
    """Dies at its n-th write, before or after it, and never again: whoever looks next is another process."""

    def __init__(self) -> None:
        super().__init__()
        self.left, self.after = 0, False

    def add(self, run: Run) -> None:
        self._write(lambda: super(Mortal, self).add(run))

    def update(self, run: RunId, **changes: Any) -> Run:
        return self._write(lambda: super(Mortal, self).update(run, **changes))

    def set_facts(self, values: Any, *, expected: Any) -> bool:
        return self._write(lambda: super(Mortal, self).set_facts(values, expected=expected))

    def _write(self, write: Callable[[], Any]) -> Any:
        self.left -= 1
        if self.left == 0 and not self.after:
            raise Died
        answer = write()
        if self.left == 0:
            raise Died
        return answer


@pytest.fixture(params=[False, True], ids=["before", "after"])
def ledger(request: pytest.FixtureRequest) -> Mortal:
    mortal = Mortal()
    mortal.after = request.param
    return mortal


def lived(ledger: Mortal, writes: int, action: Callable[[], object]) -> bool:
    """Whether it got through; if not, it died at that write."""
    ledger.left = writes
    try:
        action()
    except Died:
        return False
    finally:
        ledger.left = 0
    return True


def worked_off(ledger: Mortal) -> list[RunId]:
    """Everything that can be taken long after, done in its order."""
    done: list[RunId] = []
    while run := taken(ledger, MANY, by="heir", after=1000):
        ledger.update(run, state=RunState.SUCCEEDED)
        ledger.queue.done(run)
        done.append(run)
    return done


def left_over(ledger: Mortal) -> list[object]:
    """What nobody will ever finish: runs without an end, items without a run, triggers without an item."""
    rooms = ("line/", "later/", "work/", "once/", "item/", "trigger/")
    return [*ledger.runs(active=True), *(key for room in rooms for key in ledger.facts(room))]


@pytest.mark.parametrize("writes", WRITES)
def test_work_that_was_being_queued_is_there_once_or_not_at_all(
    ledger: Mortal, writes: int
) -> None:
    """Nothing was answered, so both are right; and what is there is worked off."""
    run = a_run()
    item = an_item(run, context={"long": "x" * 2000})
    lived(ledger, writes, lambda: ledger.queue.add(run, item, most=5))
    assert worked_off(ledger) in ([], [run.id])
    assert left_over(ledger) == []


@pytest.mark.parametrize("writes", WRITES)
def test_who_queues_again_with_the_same_run_has_it_once(ledger: Mortal, writes: int) -> None:
    """As whoever has kept the run id and got no answer does."""
    run = a_run()
    lived(ledger, writes, lambda: ledger.queue.add(run, an_item(run), most=5))
    ledger.queue.add(run, an_item(run), most=5)
    assert worked_off(ledger) == [run.id]
    ledger.queue.add(run, an_item(run), most=5)
    assert worked_off(ledger) == []
    assert left_over(ledger) == []


@pytest.mark.parametrize("writes", WRITES)
def test_who_was_being_dropped_is_dropped_or_done(ledger: Mortal, writes: int) -> None:
    """Never both, and never neither."""
    old = put(ledger, after=1).run
    lived(ledger, writes, lambda: put(ledger, after=2, most=1))
    done = worked_off(ledger)
    record = ledger.get(old)
    assert record is not None
    assert record.state is (RunState.SUCCEEDED if old in done else RunState.FAILED)
    assert (record.cause is Cause.DROPPED) is (old not in done)
    assert left_over(ledger) == []


@pytest.mark.parametrize("writes", WRITES)
def test_a_tick_that_was_being_queued_is_made_good_once(ledger: Mortal, writes: int) -> None:
    """The next scheduler queues it anew: one run of it waits."""
    lived(ledger, writes, lambda: put(ledger, after=1, once="schedule"))
    put(ledger, after=2, once="schedule")
    assert len(waits(ledger)) == 1
    assert len(worked_off(ledger)) == 1
    assert left_over(ledger) == []


@pytest.mark.parametrize("writes", WRITES)
def test_work_that_was_being_taken_is_taken_by_another(ledger: Mortal, writes: int) -> None:
    """Once the dead one's time is over; it does not keep its place."""
    run = put(ledger).run
    lived(ledger, writes, lambda: taken(ledger))
    assert worked_off(ledger) == [run]
    assert left_over(ledger) == []


@pytest.mark.parametrize("writes", WRITES)
def test_work_whose_holder_died_before_is_taken_by_another(ledger: Mortal, writes: int) -> None:
    """Also when the one who took it over dies as well."""
    first, second = put(ledger, after=1).run, put(ledger, after=2).run
    taken(ledger, by="dead", after=10)
    lived(ledger, writes, lambda: taken(ledger, by="dead too", after=100))
    assert worked_off(ledger) == [first, second]
    assert left_over(ledger) == []


@pytest.mark.parametrize("writes", WRITES)
def test_a_delivery_that_is_sent_again_is_worked_off_once(ledger: Mortal, writes: int) -> None:
    """The sender got no answer; what we had made of the first time is not made again."""
    work = some_work("dev", "ops", context={"long": "x" * 2000})
    lived(ledger, writes, lambda: ledger.deliveries.accept(a_delivery(1), work))
    again = a_delivery(2, delivery="number-1")
    told = ledger.deliveries.accept(again, some_work("dev", "ops"))
    assert ledger.deliveries.list().total == 1
    assert ledger.deliveries.get(told.duplicate_of or told.receipt) is not None
    assert [run.agent for run in worked_off(ledger)] == ["dev", "ops"]
    assert left_over(ledger) == []


@pytest.mark.parametrize("writes", WRITES)
def test_a_lock_that_was_being_had_is_had_or_free(ledger: Mortal, writes: int) -> None:
    """What the dead one has, it has to the full: its end frees it."""
    lived(ledger, writes, lambda: asks(ledger, A, X))
    ledger.locks.release_all(A)
    assert asks(ledger, B, X).answer is LockAnswer.HELD
    ledger.locks.release_all(B)
    assert ledger.facts("") == {}


@pytest.mark.parametrize("writes", WRITES)
def test_locks_that_were_being_freed_are_freed_by_another(ledger: Mortal, writes: int) -> None:
    """More of them than one step can free."""
    for number in range(120):
        ledger.locks.acquire(f"u:{number}", A, seconds=10, moment=at(0))
    lived(ledger, writes, lambda: ledger.locks.release_all(A))
    ledger.locks.release_all(A)
    assert ledger.facts("") == {}


@pytest.mark.parametrize("writes", range(1, 4))
def test_every_death_above_is_one(ledger: Mortal, writes: int) -> None:
    """The test of these tests: queueing where one has to go takes more writes than these, and dies at each."""
    put(ledger, after=1)
    assert not lived(ledger, writes, lambda: put(ledger, after=2, most=1))
