"""What a step of the queue costs a store of facts: the same, however long the line is."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from tests.contracts.queue import at, put, taken
from tests.fakes import MemoryLedger
from toolkit.core.run import Run, RunId
from toolkit.core.work import Rooms

LATER = "2099-01-01T00:00:00.000Z"
ROOMY = Rooms(agents={"dev": 9, "ops": 9}, total=9)


class Counting(MemoryLedger):
    """Counts what is asked of it, and the facts that it reads and changes for that."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = self.read = self.changed = 0

    def add(self, run: Run) -> None:
        self.asked += 1
        super().add(run)

    def get(self, run: RunId) -> Run | None:
        self.asked += 1
        return super().get(run)

    def fact(self, key: str) -> Any | None:
        self.asked, self.read = self.asked + 1, self.read + 1
        return super().fact(key)

    def facts(self, prefix: str, *, limit: int | None = None) -> Mapping[str, Any]:
        found = super().facts(prefix, limit=limit)
        self.asked, self.read = self.asked + 1, self.read + len(found)
        return found

    def read_facts(self, keys: Sequence[str]) -> Mapping[str, Any]:
        self.asked, self.read = self.asked + 1, self.read + len(keys)
        return super().read_facts(keys)

    def set_facts(self, values: Mapping[str, Any], *, expected: Mapping[str, Any]) -> bool:
        self.asked, self.changed = self.asked + 1, self.changed + len(values)
        return super().set_facts(values, expected=expected)


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Of one step."""

    asked: int
    read: int
    changed: int


@pytest.fixture(scope="module", params=[10, 1_000])
def ledger(request: pytest.FixtureRequest) -> Counting:
    """So many items of one agent wait, behind another agent's that has no room."""
    made = Counting()
    put(made, "idle", after=-1)
    for number in range(request.param):
        put(made, after=number / 1000, most=request.param)
    return made


def cost(ledger: Counting, step: Callable[[], object]) -> Cost:
    before = ledger.asked, ledger.read, ledger.changed
    assert step() is not None
    after = ledger.asked, ledger.read, ledger.changed
    asked, read, changed = (b - a for a, b in zip(before, after, strict=True))
    return Cost(asked=asked, read=read, changed=changed)


def test_queueing_costs_the_same(ledger: Counting) -> None:
    """A look at a shard, one write, the run's record, and the counts, of which there are at most sixteen."""
    found = cost(ledger, lambda: put(ledger, after=9, most=5_000))
    assert (found.asked, found.changed) == (4, 3)
    assert found.read <= 17


def test_making_room_costs_the_same(ledger: Counting) -> None:
    """The oldest goes; nobody looks at the others."""
    length = ledger.queue.lengths()["dev"]
    found = cost(ledger, lambda: put(ledger, after=10, most=length).dropped[0])
    assert found.asked <= 16
    assert found.read <= 80


def test_a_way_through_the_queue_costs_the_same(ledger: Counting) -> None:
    """Taken, held longer, given back, taken again in its old place, started, done."""
    queue, run = ledger.queue, RunId(taken(ledger, ROOMY) or "")
    renewed = cost(ledger, lambda: queue.renew(run, "me", seconds=30, moment=at(61)))
    back = cost(ledger, lambda: queue.give_back(run, "me", not_before=at(70)))
    again = cost(ledger, lambda: taken(ledger, ROOMY, after=70))
    begun = cost(ledger, lambda: queue.started(run, "me"))
    done = cost(ledger, lambda: queue.done(run))
    assert [c.asked for c in (renewed, back, again, begun, done)] == [2, 3, 11, 2, 2]
    assert [c.read for c in (renewed, back, begun, done)] == [1, 2, 1, 2]
    assert again.read <= 60


def test_draining_a_line_costs_the_same_for_each(ledger: Counting) -> None:
    """The last of nine is as cheap as the first: a line of n costs n times that."""
    asked = []
    for _ in range(9):
        asked.append(cost(ledger, lambda: taken(ledger, ROOMY, after=80)).asked)
        ledger.queue.done(ledger.queue.at_work()[0].run)
    assert set(asked) == {6}


@pytest.mark.parametrize("length", [10, 300])
def test_a_line_that_waits_for_its_time_costs_the_same(length: int) -> None:
    """Work that is due is found behind however much that is not."""
    ledger = Counting()
    for number in range(length):
        put(ledger, after=number / 1000, most=length, not_before=LATER)
    put(ledger, after=6, most=length + 1)
    found = cost(ledger, lambda: taken(ledger, ROOMY))
    assert found.asked == 7
    assert found.read <= 70
