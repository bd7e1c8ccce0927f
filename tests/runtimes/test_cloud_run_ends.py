"""What Cloud Run says of an execution and its task, in our words."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.cloud import run_v2

from runtimes import _cloud_run_ends as ends
from toolkit.core.errors import AccessDenied, AlError, LaunchError, Throttled
from toolkit.core.run import Cause, RunState

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
State = run_v2.Condition.State
Reason = run_v2.Condition.ExecutionReason
Common = run_v2.Condition.CommonReason


def execution(state: State = State.CONDITION_RECONCILING, **more: Any) -> run_v2.Execution:
    about = {key: more.pop(key) for key in ("message", "reason", "execution_reason") if key in more}
    completed = run_v2.Condition(type_="Completed", state=state, last_transition_time=NOON, **about)
    return run_v2.Execution(conditions=[completed], task_count=1, **more)


def failed(message: str = "", **more: Any) -> run_v2.Execution:
    said = f"Task dev-v1-abcde-task0 failed with message: {message}" if message else ""
    return execution(
        State.CONDITION_FAILED, message=said, completion_time=NOON, failed_count=1, **more
    )


def task(message: str = "", **result: Any) -> run_v2.Task:
    return run_v2.Task(last_attempt_result={"status": {"message": message}, **result})


EXITED = "The container exited with an error."


def test_what_waits_is_starting_and_what_runs_is_running() -> None:
    """By the count of running tasks."""
    assert ends.status_of(execution(), None).state is RunState.STARTING
    assert ends.status_of(execution(running_count=1), None).state is RunState.RUNNING


@pytest.mark.parametrize("state", [State.CONDITION_PENDING, State.CONDITION_RECONCILING])
def test_what_has_not_failed_is_not_over(state: State) -> None:
    """A task that waits to be tried again counts neither as running nor as succeeded nor as failed."""
    again = execution(state, retried_count=1)
    assert not ends.is_over(again)
    assert not ends.status_of(again, None).state.final


def test_success_needs_no_task() -> None:
    """Its exit code is 0, and a look is saved."""
    over = execution(State.CONDITION_SUCCEEDED, succeeded_count=1, completion_time=NOON)
    told = ends.status_of(over, None)
    assert (told.state, told.exit_code) == (RunState.SUCCEEDED, 0)


@pytest.mark.parametrize(
    ("code", "state"),
    [(1, RunState.FAILED), (42, RunState.SUCCEEDED), (124, RunState.TIMED_OUT), (137, RunState.FAILED)],
)  # fmt: skip
def test_the_exit_code_is_the_tasks(code: int, state: RunState) -> None:
    """The execution has only counts
    (https://cloud.google.com/run/docs/reference/rpc/google.cloud.run.v2#taskattemptresult)."""
    told = ends.status_of(failed(EXITED), task(EXITED, exit_code=code))
    assert (told.state, told.exit_code) == (state, code)


@pytest.mark.parametrize(
    ("message", "more", "result", "cause"),
    [
        ("The configured memory limit was reached.", {}, {"term_signal": 9}, Cause.OUT_OF_MEMORY),
        ("Memory limit of 512 MiB exceeded with 530 MiB used.", {}, {}, Cause.OUT_OF_MEMORY),
        ("Image 'x' not found.", {}, {}, Cause.IMAGE_PULL),
        ("gone", {"reason": Common.CONTAINER_MISSING}, {}, Cause.IMAGE_PULL),
        ("no", {"reason": Common.CONTAINER_PERMISSION_DENIED}, {}, Cause.IMAGE_PULL),
        ("no", {"reason": Common.SECRETS_ACCESS_CHECK_FAILED}, {}, Cause.SECRET_MISSING),
        ("Quota exceeded for total allowable CPU", {}, {}, Cause.CAPACITY),
        ("no", {"reason": Common.VPC_NETWORK_NOT_FOUND}, {}, Cause.NETWORK),
        ("The container failed to start: exec format error", {}, {}, Cause.NEVER_STARTED),
        ("no", {"reason": Common.PROGRESS_DEADLINE_EXCEEDED}, {}, Cause.NEVER_STARTED),
        ("something that nobody has seen before", {}, {}, Cause.NEVER_STARTED),
        (EXITED, {}, {"term_signal": 15}, Cause.INTERRUPTED),
        (EXITED, {}, {"term_signal": 9}, Cause.UNKNOWN),
    ],
)
def test_an_end_has_a_cause_and_words(
    message: str, more: dict[str, Any], result: dict[str, Any], cause: Cause
) -> None:
    """From the task's result, the condition's reason and its sentence."""
    told = ends.status_of(failed(message, **more), task(message, **result))
    assert (told.state, told.cause) == (RunState.FAILED, cause)
    assert told.reason
    assert "dev-v1-abcde" not in told.reason


def test_a_signal_becomes_the_exit_code_that_a_shell_shows() -> None:
    """At most one of exit code and signal is told."""
    told = ends.status_of(failed(EXITED), task(EXITED, term_signal=9))
    assert told.exit_code == 137
    assert "as when memory runs out" in told.reason


def test_neither_code_nor_signal_is_no_success() -> None:
    """Of a container that never ran there is only a message."""
    told = ends.status_of(failed("Internal error occurred."), task("Internal error occurred."))
    assert (told.state, told.exit_code) == (RunState.FAILED, None)


def test_a_timeout_of_the_platform_is_a_timeout() -> None:
    """When the container could not make an end itself."""
    words = "Terminating task because it has reached the maximum timeout of 660 seconds."
    assert ends.status_of(failed(words), task(words, exit_code=0)).state is RunState.TIMED_OUT
    other = "The configured timeout was reached."
    assert ends.status_of(failed(other), task(other, term_signal=9)).state is RunState.TIMED_OUT


def test_a_cancelled_run_was_stopped() -> None:
    """By its count or its reason, whatever code its container left."""
    by_reason = failed("", execution_reason=Reason.CANCELLED)
    assert ends.status_of(by_reason, task(exit_code=143)).state is RunState.STOPPED
    assert ends.status_of(failed("", cancelled_count=1), None).state is RunState.STOPPED


def test_what_is_being_cancelled_goes_on() -> None:
    """Until it has ended."""
    ending = execution(execution_reason=Reason.CANCELLING, running_count=1)
    assert ends.is_cancelled(ending)
    assert ends.status_of(ending, None).state is RunState.RUNNING


def test_an_execution_without_a_time_of_completion_is_over_by_its_condition() -> None:
    """Times are not guaranteed to be set in order
    (https://cloud.google.com/run/docs/reference/rpc/google.cloud.run.v2#execution)."""
    late = execution(State.CONDITION_FAILED, failed_count=1)
    assert ends.is_over(late)
    assert ends.ended_at(late) == NOON
    early = failed(EXITED, start_time=NOON + timedelta(seconds=3))
    assert ends.ended_at(early) == NOON


def test_a_quota_is_waited_for_and_a_refusal_is_not() -> None:
    """Running executions have a number; what is not allowed stays so."""
    full = ends.refused(Throttled("launching: Quota exceeded for running_job_executions", hint="-"))
    assert isinstance(full, LaunchError)
    assert (full.cause, full.temporary) == (Cause.CAPACITY, True)
    denied = AccessDenied("no", hint="-")
    assert ends.refused(denied) is denied


def test_what_google_refuses_of_a_launch_is_a_launch_error() -> None:
    """With its own words."""
    said = ends.refused(AlError("launching: the job is wrong", hint="correct it"))
    assert isinstance(said, LaunchError)
    assert not said.temporary
    assert said.hint == "correct it"
