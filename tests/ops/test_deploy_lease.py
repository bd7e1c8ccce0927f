"""One deployer at a time: taking, renewing, losing and giving back the right to change an environment."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from tests.fakes import FakeClock, MemoryLedger, eventually
from toolkit.core.clock import from_iso, iso
from toolkit.core.errors import Conflict, Unreachable
from toolkit.ops.deploy_lease import FACT, USUAL, Busy, Lease, Terms, held, wait_until_free
from toolkit.ops.holder import Holder, holder

ANN = Holder(name="ann@laptop pid 7")
BOB = Holder(name="bob@ci pid 8 (https://ci.example/run/5)")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def ledger() -> MemoryLedger:
    return MemoryLedger()


def lease_of(ledger: Any, who: Holder, clock: FakeClock) -> Lease:
    """Taken, and renewed by nobody."""
    lease = Lease(ledger, who, terms=USUAL, clock=clock, sleep=clock.sleep)
    lease.take()
    return lease


def test_the_second_is_told_who_is_first(ledger: MemoryLedger, clock: FakeClock) -> None:
    """The holder is named, and when its lease ends should it have died."""
    lease_of(ledger, BOB, clock)
    with pytest.raises(Busy, match=r"bob@ci pid 8 \(https://ci.example/run/5\)") as refused:
        lease_of(ledger, ANN, clock)
    assert "2026-11-20T12:01:30.000Z" in refused.value.hint


def test_a_lease_that_ran_out_is_taken_over(ledger: MemoryLedger, clock: FakeClock) -> None:
    """A killed process on another machine blocks nobody for longer than the lease lasts."""
    lease_of(ledger, ANN, clock)
    clock.sleep(USUAL.lasts - 1)
    with pytest.raises(Busy):
        lease_of(ledger, BOB, clock)
    clock.sleep(1)
    lease_of(ledger, BOB, clock)
    assert ledger.fact(FACT)["holder"] == BOB.name


def test_a_holder_whose_clock_is_behind_keeps_its_lease(
    ledger: MemoryLedger, clock: FakeClock
) -> None:
    """By our clock it has run out, and while we watch it is renewed: it is alive."""
    lease_of(ledger, ANN, clock)
    clock.sleep(USUAL.lasts + 5)

    def renewed_meanwhile(seconds: float) -> None:
        clock.sleep(seconds)
        ledger.set_fact(FACT, {**ledger.fact(FACT), "expires": iso(clock())})

    bob = Lease(ledger, BOB, terms=USUAL, clock=clock, sleep=renewed_meanwhile)
    with pytest.raises(Busy, match="ann@laptop"):
        bob.take()


def test_a_lease_that_ran_out_long_ago_is_taken_at_once(
    ledger: MemoryLedger, clock: FakeClock
) -> None:
    """No clock is wrong by so much, so there is nothing to watch."""
    lease_of(ledger, ANN, clock)
    clock.sleep(3600)
    before = clock.monotonic()
    lease_of(ledger, BOB, clock)
    assert clock.monotonic() == before


def test_it_is_free_when_the_work_is_done_or_has_failed(ledger: MemoryLedger) -> None:
    """Whatever the reason for the end, the next need not wait."""
    with pytest.raises(KeyError), held(ledger, ANN):
        raise KeyError("work failed")
    with held(ledger, BOB):
        assert ledger.fact(FACT)["holder"] == BOB.name
    assert ledger.fact(FACT) is None


def test_it_is_renewed_while_the_work_goes_on(ledger: MemoryLedger) -> None:
    """By a thread of its own, however long one step takes."""
    with held(ledger, ANN, terms=Terms(renewed=0.01)):
        first = ledger.fact(FACT)["expires"]
        assert eventually(lambda: from_iso(ledger.fact(FACT)["expires"]) > from_iso(first))


def test_who_slept_and_was_overtaken_stops(ledger: MemoryLedger, clock: FakeClock) -> None:
    """A laptop that was closed finds somebody else's lease, and changes nothing more: neither steps nor facts."""
    slept = lease_of(ledger, ANN, clock)
    clock.sleep(3600)
    lease_of(ledger, BOB, clock).set_fact("definition/dev", "bob's")
    with pytest.raises(Conflict, match="no longer holds the environment: bob@ci"):
        slept.check()
    with pytest.raises(Conflict, match="bob@ci"):
        slept.set_fact("definition/dev", "ann's")
    assert ledger.fact("definition/dev") == "bob's"


def test_a_write_that_comes_too_late_is_not_kept(ledger: MemoryLedger, clock: FakeClock) -> None:
    """The look at the lease and the write are one step: nothing depends on having looked a moment ago."""
    slept = lease_of(ledger, ANN, clock)
    slept.check()
    ledger.set_fact(FACT, {"holder": BOB.name, "id": "another"})
    with pytest.raises(Conflict, match="bob@ci"):
        slept.ledger.set_fact("definition/dev", "ann's")
    assert ledger.fact("definition/dev") is None


def test_who_slept_and_was_not_overtaken_goes_on(ledger: MemoryLedger, clock: FakeClock) -> None:
    """It has run out, and nobody took it: it is extended, and the work is not lost."""
    slept = lease_of(ledger, ANN, clock)
    clock.sleep(3600)
    slept.check()
    assert slept.set_fact("definition/dev", 1)
    with pytest.raises(Busy):
        lease_of(ledger, BOB, clock)


def test_who_came_and_went_meanwhile_is_noticed(ledger: MemoryLedger, clock: FakeClock) -> None:
    """Somebody pushed while we slept and has finished: what was decided before is no longer true."""
    slept = lease_of(ledger, ANN, clock)
    clock.sleep(3600)
    lease_of(ledger, BOB, clock).give_back()
    with pytest.raises(Conflict, match="somebody else had it meanwhile"):
        slept.check()


def test_holding_it_costs_no_calls(ledger: MemoryLedger, clock: FakeClock) -> None:
    """`check` asks the ledger only when the lease has run out by the clock."""
    lease = lease_of(Deaf(ledger, deaf_after=1), ANN, clock)
    clock.sleep(USUAL.lasts - 1)
    lease.check()
    clock.sleep(1)
    with pytest.raises(Unreachable):
        lease.check()


class Deaf:
    """A ledger that cannot be reached after some writes; `answers_late` does what it is asked and fails all the same."""

    def __init__(
        self, ledger: MemoryLedger, *, deaf_after: int, answers_late: bool = False
    ) -> None:
        self._ledger, self._left, self._late = ledger, deaf_after, answers_late

    def fact(self, key: str) -> Any:
        return self._ledger.fact(key)

    def set_fact(self, key: str, value: Any, **conditions: Any) -> bool:
        self._left -= 1
        if self._left >= 0:
            return self._ledger.set_fact(key, value, **conditions)
        if self._late:
            self._ledger.set_fact(key, value, **conditions)
            self._late, self._left = False, 9
        raise Unreachable("no answer", hint="try again")


def test_a_renewal_whose_answer_was_lost_is_no_loss(ledger: MemoryLedger, clock: FakeClock) -> None:
    """The lease stands there with another end, and is still ours."""
    lease = lease_of(Deaf(ledger, deaf_after=1, answers_late=True), ANN, clock)
    clock.sleep(30)
    with pytest.raises(Unreachable):
        lease.renew()
    assert lease.set_fact("definition/dev", 1)
    lease.renew()
    lease.give_back()
    assert ledger.fact(FACT) is None


def test_giving_back_hides_no_failure(ledger: MemoryLedger, clock: FakeClock) -> None:
    """What went wrong is told, not that the lease could not be given back, which ends by itself."""
    with pytest.raises(KeyError), held(Deaf(ledger, deaf_after=1), ANN, clock=clock):
        raise KeyError("work failed")


def test_a_write_that_expected_another_value_is_just_not_kept(
    ledger: MemoryLedger, clock: FakeClock
) -> None:
    """That is no loss of the lease."""
    lease = lease_of(ledger, ANN, clock)
    assert not lease.set_fact("definition/dev", 1, expected=5)
    lease.check()


def test_waiting_names_each_holder_once(ledger: MemoryLedger, clock: FakeClock) -> None:
    """Until the environment is free; nothing is taken."""
    lease_of(ledger, BOB, clock)
    said: list[str] = []
    wait_until_free(ledger, said.append, clock=clock, sleep=clock.sleep)
    assert said == [f"waiting for {BOB.name}, who is changing this environment (Ctrl-C gives up)"]
    assert clock.monotonic() == USUAL.lasts


linux = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="there is no /proc here")
NEIGHBOUR = """
import json
from toolkit.ops.holder import holder
print(json.dumps(holder().to_fact()), flush=True)
input()
"""


@dataclass(frozen=True)
class Neighbour:
    """Another process of this machine, and how it would hold a lease."""

    process: "subprocess.Popen[str]"
    holder: Holder


@pytest.fixture
def neighbour() -> Iterator[Neighbour]:
    process = subprocess.Popen(
        [sys.executable, "-c", NEIGHBOUR], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    fact = json.loads(process.stdout.readline())
    yield Neighbour(process, Holder(name=fact.pop("holder"), **fact))
    process.kill()
    process.communicate()


@linux
def test_a_live_process_of_this_machine_keeps_its_lease(
    ledger: MemoryLedger, clock: FakeClock, neighbour: Neighbour
) -> None:
    """It is there, so it is waited for."""
    lease_of(ledger, neighbour.holder, clock)
    with pytest.raises(Busy):
        lease_of(ledger, ANN, clock)


@linux
def test_a_dead_process_of_this_machine_is_not_waited_for(
    ledger: MemoryLedger, clock: FakeClock, neighbour: Neighbour
) -> None:
    """Killed, and its number still in the table of processes because nobody has asked how it ended."""
    lease_of(ledger, neighbour.holder, clock)
    neighbour.process.kill()
    os.waitid(os.P_PID, neighbour.process.pid, os.WEXITED | os.WNOWAIT)
    lease_of(ledger, ANN, clock)


@linux
def test_a_process_that_is_gone_is_not_waited_for(
    ledger: MemoryLedger, clock: FakeClock, neighbour: Neighbour
) -> None:
    """Its number is free."""
    lease_of(ledger, neighbour.holder, clock)
    neighbour.process.kill()
    neighbour.process.wait()
    lease_of(ledger, ANN, clock)


@linux
def test_another_process_of_the_same_number_is_not_taken_for_it(
    ledger: MemoryLedger, clock: FakeClock, neighbour: Neighbour
) -> None:
    """Numbers are used again: the holder began at another time, so it is dead."""
    lease_of(ledger, replace(neighbour.holder, started="1"), clock)
    lease_of(ledger, ANN, clock)


@linux
def test_a_process_of_another_machine_is_never_judged(
    ledger: MemoryLedger, clock: FakeClock
) -> None:
    """Nor of another container on this one, where the same number is somebody else."""
    lease_of(ledger, replace(holder(), machine="elsewhere", pid=2**22 - 1), clock)
    with pytest.raises(Busy):
        lease_of(ledger, ANN, clock)
