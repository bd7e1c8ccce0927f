"""One ledger for runs here and elsewhere: its own records, and the mailbox of wherever a run's container is."""

from dataclasses import replace

import pytest

from tests.contracts.ledger import Container, LedgerContract, a_full_run, a_run
from tests.fakes import MemoryLedger
from toolkit.core.errors import Unreachable
from toolkit.core.ports import Ledger
from toolkit.core.run import Run, RunState
from toolkit.core.side_by_side import SideBySide

AWAY = "ecs_fargate@production"


class TestRunsHere(LedgerContract):
    """As long as every run is here it is a ledger like any other."""

    @pytest.fixture
    def memory(self) -> MemoryLedger:
        return MemoryLedger()

    @pytest.fixture
    def ledger(self, memory: MemoryLedger) -> Ledger:
        return SideBySide(memory, nobody)  # type: ignore[return-value]

    @pytest.fixture
    def container(self, memory: MemoryLedger) -> Container:
        return memory.note


def nobody(environment: str) -> Ledger:
    raise AssertionError(f"nobody should ask {environment}")


class Sides:
    """A ledger here, and the one of `production`."""

    def __init__(self) -> None:
        self.here, self.there = MemoryLedger(), MemoryLedger()
        self.reachable = True
        self.both = SideBySide(self.here, self.away)

    def away(self, environment: str) -> Ledger:
        assert environment == "production"
        if not self.reachable:
            raise Unreachable("production does not answer", hint="try again")
        return self.there

    def launched(self) -> Run:
        """A run that has waited here, and whose launch has begun there."""
        waiting = replace(a_run(), runtime=AWAY)
        self.here.add(waiting)
        lease = a_full_run().lease
        changes = {"state": RunState.STARTING, "runtime": AWAY, "lease": lease, "token": "ab" * 32}
        return self.both.update(waiting.id, **changes)


@pytest.fixture
def sides() -> Sides:
    return Sides()


def test_what_a_container_writes_elsewhere_is_read_here(sides: Sides) -> None:
    """Its claim, its report and its words are where it runs."""
    run = sides.launched()
    sides.there.note(run.id, claimed="now", status="reading")
    assert sides.both.mailbox(run.id).status == "reading"
    assert sides.here.mailbox(run.id).claimed is None


def test_a_stop_reaches_the_container_and_whoever_is_about_to_launch_it(sides: Sides) -> None:
    """The flag is raised in both places: nobody can tell which of the two looks next."""
    run = sides.launched()
    sides.both.request_stop(run.id)
    assert (sides.here.mailbox(run.id).stop, sides.there.mailbox(run.id).stop) == (True, True)


def test_a_flag_that_was_raised_while_it_waited_is_seen_when_it_is_launched(sides: Sides) -> None:
    """Between the two the run moves from one mailbox to another, and the wish must not be lost."""
    waiting = replace(a_run(), runtime=AWAY)
    sides.here.add(waiting)
    sides.both.request_stop(waiting.id)
    lease = a_full_run().lease
    sides.both.update(waiting.id, state=RunState.STARTING, runtime=AWAY, lease=lease)
    assert sides.both.mailbox(waiting.id).stop


def test_a_run_elsewhere_is_recorded_there_without_what_is_the_schedulers_own(
    sides: Sides,
) -> None:
    """So nobody there takes its secret for one that was left behind; its token is of no use there."""
    run = sides.launched()
    copy = sides.there.get(run.id)
    assert copy == replace(run, token="")
    ended = sides.both.update(run.id, state=RunState.SUCCEEDED, exit_code=0)
    assert ended.state is RunState.SUCCEEDED
    assert sides.there.get(run.id) == replace(ended, token="")


def test_a_run_that_only_waits_is_nobodys_business_elsewhere(sides: Sides) -> None:
    """A cloud that cannot be reached keeps no work from being queued, and none from being given up."""
    sides.reachable = False
    waiting = replace(a_run(), runtime=AWAY)
    sides.here.add(waiting)
    ended = sides.both.update(waiting.id, state=RunState.STOPPED)
    assert ended.state is RunState.STOPPED


def test_a_change_that_cannot_be_recorded_there_is_not_recorded_here(sides: Sides) -> None:
    """Whoever looks next finds the run as it was, and does the same again."""
    run = sides.launched()
    sides.reachable = False
    with pytest.raises(Unreachable):
        sides.both.update(run.id, state=RunState.FAILED)
    assert sides.here.get(run.id) == run


def test_another_attempt_changes_the_record_there(sides: Sides) -> None:
    """The same run, put back into the queue and launched again, is one run in both ledgers."""
    run = sides.launched()
    sides.both.update(run.id, state=RunState.QUEUED, lease=None, handle=None)
    again = sides.both.update(
        run.id, state=RunState.STARTING, runtime=AWAY, lease=a_full_run().lease
    )
    copy = sides.there.get(run.id)
    assert copy is not None
    assert (copy.state, copy.lease) == (RunState.STARTING, again.lease)
