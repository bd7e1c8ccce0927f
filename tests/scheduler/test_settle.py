"""What became of a run: the order in which witnesses are believed."""

from datetime import UTC, datetime, timedelta

import pytest

from toolkit.core.agent import AgentName
from toolkit.core.clock import iso
from toolkit.core.run import Cause, Mailbox, Run, RunId, RunState, RunStatus, TriggerKind
from toolkit.scheduler.settle import status_of_exit, verdict

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
RUN = Run(
    id=RunId("dev-1a2b3c4d"), agent=AgentName("dev"), runtime="ecs_fargate", trigger=TriggerKind.MANUAL,
    created=iso(NOON), state=RunState.STARTING, deadline=iso(NOON + timedelta(hours=1)),
)  # fmt: skip
ENDED = RunStatus(state=RunState.FAILED, cause=Cause.OUT_OF_MEMORY, reason="killed")


def report(code: int, state: str | None = None) -> Mailbox:
    return Mailbox(claimed=iso(NOON), report={"exit_code": code, "state": state, "reason": ""})


@pytest.mark.parametrize(
    ("code", "state"),
    [
        (0, RunState.SUCCEEDED),
        (42, RunState.SUCCEEDED),
        (124, RunState.TIMED_OUT),
        (1, RunState.FAILED),
        (137, RunState.FAILED),
    ],
)
def test_an_exit_code_means_one_state(code: int, state: RunState) -> None:
    """0 succeeds, 42 asks for a rerun and succeeds, 124 is the run's own timeout, anything else fails."""
    assert status_of_exit(code).state is state
    assert status_of_exit(code).exit_code == code


def test_a_run_that_was_stopped_is_not_failed() -> None:
    """A stop flag that was honoured is told apart from a failure by the report's own word."""
    assert verdict(RUN, report(143, "stopped"), None, NOON).state is RunState.STOPPED


def test_the_run_s_own_report_is_believed_before_the_platform() -> None:
    """A container that reported success has succeeded, whatever happened to its shell afterwards."""
    assert verdict(RUN, report(0), ENDED, NOON).state is RunState.SUCCEEDED


def test_a_platform_s_end_without_a_report_is_what_the_platform_says() -> None:
    """Killed from outside, it could not report."""
    assert verdict(RUN, Mailbox(claimed=iso(NOON)), ENDED, NOON) == ENDED


def test_a_claimed_run_is_running() -> None:
    """The claim is the first sign of life."""
    assert verdict(RUN, Mailbox(claimed=iso(NOON)), None, NOON).state is RunState.RUNNING


def test_an_unclaimed_run_is_what_its_platform_says() -> None:
    """Until the container speaks, the platform does."""
    starting = RunStatus(state=RunState.STARTING)
    assert verdict(RUN, Mailbox(), starting, NOON) == starting
    assert verdict(RUN, Mailbox(), None, NOON).state is RunState.STARTING


def test_silence_past_the_deadline_is_lost() -> None:
    """No report and no trace after the deadline: nobody waits for ever."""
    late = NOON + timedelta(hours=1, seconds=1)
    assert verdict(RUN, Mailbox(claimed=iso(NOON)), None, late).state is RunState.LOST
