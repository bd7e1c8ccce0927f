"""A run that was told to stop, and not by us: the container knows SIGTERM, only the platform knows who sent it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.fakes import MemoryLedger
from tests.services import FakeServices
from toolkit.core.agent import AgentName
from toolkit.core.clock import iso
from toolkit.core.run import (
    Cause,
    Mailbox,
    Run,
    RunHandle,
    RunId,
    RunState,
    RunStatus,
    TriggerKind,
)
from toolkit.scheduler.settle import OVERDUE, settle, verdict

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
RUN = Run(
    id=RunId("dev-1a2b3c4d"), agent=AgentName("dev"), runtime="memory", trigger=TriggerKind.MANUAL,
    created=iso(NOON), state=RunState.RUNNING, deadline=iso(NOON + timedelta(days=3650)),
)  # fmt: skip
REPORT = {"exit_code": 143, "state": "stopped", "reason": "stopped on request"}
STOPPED = Mailbox(claimed=iso(NOON), report=REPORT)
TAKEN = RunStatus(
    state=RunState.FAILED, exit_code=143, cause=Cause.SPOT_INTERRUPTION, reason="AWS took it back"
)


def test_what_the_platform_took_back_is_not_what_the_user_stopped() -> None:
    """The run failed, with a cause that says it may well be tried again."""
    assert verdict(RUN, STOPPED, TAKEN, NOON) == TAKEN


def test_what_we_asked_for_is_stopped() -> None:
    """With the stop flag up, the report is the whole truth."""
    asked = replace(STOPPED, stop=True)
    assert verdict(RUN, asked, TAKEN, NOON).state is RunState.STOPPED


def test_what_went_past_its_deadline_has_timed_out() -> None:
    """That it was stopped was ours to do."""
    overdue = replace(RUN, reason=OVERDUE)
    assert verdict(overdue, STOPPED, TAKEN, NOON).state is RunState.TIMED_OUT


def test_a_platform_that_knows_no_better_leaves_it_stopped() -> None:
    """Somebody ended the task by hand, or the platform knows nothing, as Lambda."""
    by_hand = RunStatus(state=RunState.STOPPED, exit_code=143, reason="Task stopped by user")
    assert verdict(RUN, STOPPED, by_hand, NOON).state is RunState.STOPPED
    assert verdict(RUN, STOPPED, None, NOON).state is RunState.STOPPED


def test_until_the_platform_has_said_why_it_runs() -> None:
    """A final state never changes, so none is taken before whoever knows has been asked."""
    ending = RunStatus(state=RunState.RUNNING, reason="stopping")
    assert verdict(RUN, STOPPED, None, NOON, asked=False).state is RunState.RUNNING
    assert verdict(RUN, STOPPED, ending, NOON).state is RunState.RUNNING


def test_a_success_is_a_success_whoever_stopped_the_machine() -> None:
    """It was done in time."""
    done = replace(STOPPED, report={**REPORT, "exit_code": 0, "state": "succeeded"})
    assert verdict(RUN, done, TAKEN, NOON).state is RunState.SUCCEEDED


class Platform:
    """Knows of one interruption."""

    def states(self, handles: list[RunHandle]) -> dict[RunId, RunStatus]:
        return {handle.run: TAKEN for handle in handles}


def test_settling_records_the_interruption(tmp_path: Path) -> None:
    """The platform is asked although the run has reported."""
    ledger = MemoryLedger()
    handle = RunHandle(runtime="memory", run=RUN.id, agent=RUN.agent)
    ledger.add(replace(RUN, handle=handle))
    ledger.note(RUN.id, claimed=iso(NOON), report=REPORT)
    services = FakeServices(tmp_path, ledger=ledger, runtime=Platform())
    (waiting,) = settle(services, [replace(RUN, handle=handle)], ask_platform=False)
    (settled,) = settle(services, [replace(RUN, handle=handle)])
    assert waiting.state is RunState.RUNNING
    assert (settled.state, settled.cause) == (RunState.FAILED, Cause.SPOT_INTERRUPTION)
    assert settled.reason == "AWS took it back"
