"""What ECS says of a task, in our words: never a success without an exit code."""

from typing import Any

import pytest

from runtimes._fargate_ends import status_of
from toolkit.core.run import Cause, RunState, RunStatus

UNABLE = "ResourceInitializationError: unable to pull secrets or registry auth"


def stopped(
    code: int | None = None,
    stop: str = "EssentialContainerExited",
    reason: str = "Essential container in task exited",
    said: str = "",
) -> dict[str, Any]:
    """A task as DescribeTasks gives it; `said` is the container's own reason."""
    container = {"name": "agent", "reason": said, **({} if code is None else {"exitCode": code})}
    return {
        "lastStatus": "STOPPED",
        "stopCode": stop,
        "stoppedReason": reason,
        "containers": [container],
    }


@pytest.mark.parametrize(
    ("task", "state", "cause"),
    [
        (stopped(0), RunState.SUCCEEDED, None),
        (stopped(42), RunState.SUCCEEDED, None),
        (stopped(124), RunState.TIMED_OUT, None),
        (stopped(1), RunState.FAILED, Cause.EXIT_CODE),
        (stopped(143, "UserInitiated"), RunState.STOPPED, None),
        (stopped(None, "UserInitiated"), RunState.STOPPED, None),
        (stopped(143, "SpotInterruption"), RunState.FAILED, Cause.SPOT_INTERRUPTION),
        (stopped(None, "TerminationNotice", reason=""), RunState.FAILED, Cause.SPOT_INTERRUPTION),
        (stopped(143, "ServiceSchedulerInitiated"), RunState.FAILED, Cause.INTERRUPTED),
        (stopped(0, "SpotInterruption"), RunState.SUCCEEDED, None),
        (stopped(None, "SomethingNew", reason="?"), RunState.FAILED, Cause.UNKNOWN),
        (stopped(None, "TaskFailedToStart"), RunState.FAILED, Cause.NEVER_STARTED),
        (
            stopped(137, said="OutOfMemoryError: Container killed due to memory usage"),
            RunState.FAILED,
            Cause.OUT_OF_MEMORY,
        ),
    ],
)
def test_an_end_is_told_from_stop_code_and_exit_code(
    task: Any, state: RunState, cause: Cause | None
) -> None:
    """https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html; an unknown code is
    no crash."""
    found = status_of(task)
    assert (found.state, found.cause) == (state, cause)


@pytest.mark.parametrize(
    ("reason", "cause"),
    [
        (
            "CannotPullContainerError: pull image manifest has been retried 1 time(s)",
            Cause.IMAGE_PULL,
        ),
        (
            "CannotPullContainerError: failed to find a descriptor for platform {linux/amd64}",
            Cause.IMAGE_PULL,
        ),
        (
            f"{UNABLE}: execution resource retrieval failed: unable to retrieve ecr registry auth",
            Cause.IMAGE_PULL,
        ),
        (
            f"{UNABLE}: execution resource retrieval failed: unable to retrieve secret from asm",
            Cause.SECRET_MISSING,
        ),
        (
            f"{UNABLE}: unable to retrieve ecr registry auth: dial tcp 52.1.1.1:443: i/o timeout",
            Cause.NETWORK,
        ),
        (
            "Timeout waiting for network interface provisioning to complete.",
            Cause.NETWORK,
        ),
        ("Timeout waiting for EphemeralStorage provisioning to complete.", Cause.NEVER_STARTED),
        (
            "ResourceInitializationError: failed to validate logger args: The specified log group does not exist",
            Cause.NEVER_STARTED,
        ),
        (
            "ResourceInitializationError: AccessDeniedException: not authorized to perform: logs:CreateLogStream",
            Cause.PERMISSION,
        ),
        ("Capacity is unavailable at this time.", Cause.CAPACITY),
        ("CannotStartContainerError: exec format error", Cause.NEVER_STARTED),
        ("ContainerRuntimeTimeoutError: could not start", Cause.NEVER_STARTED),
        ("a sentence that AWS wrote yesterday", Cause.NEVER_STARTED),
    ],
)
@pytest.mark.parametrize("containers", [[], [{"name": "agent"}]])
def test_a_task_that_never_started_has_failed(
    reason: str, cause: Cause, containers: list[Any]
) -> None:
    """With TaskFailedToStart the exit code is absent, or there are no containers at all: that is never a success,
    and the reason is kept whole."""
    found = status_of(
        stopped(None, "TaskFailedToStart", reason=reason) | {"containers": containers}
    )
    assert found == RunStatus(state=RunState.FAILED, cause=cause, reason=reason)


def test_the_exit_code_is_the_agents_wherever_it_stands() -> None:
    """A sidecar may come first in the list, and end well."""
    task = stopped(3)
    task["containers"].insert(0, {"name": "sidecar", "exitCode": 0})
    assert status_of(task).exit_code == 3


@pytest.mark.parametrize(
    ("last", "state"),
    [
        ("PROVISIONING", RunState.STARTING),
        ("PENDING", RunState.STARTING),
        ("ACTIVATING", RunState.STARTING),
        ("RUNNING", RunState.RUNNING),
        ("DEACTIVATING", RunState.RUNNING),
        ("STOPPING", RunState.RUNNING),
        ("A_NEW_ONE", RunState.RUNNING),
    ],
)
def test_a_living_task_is_starting_or_running(last: str, state: RunState) -> None:
    """https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-lifecycle-explanation.html"""
    assert status_of({"lastStatus": last, "containers": [{"name": "agent"}]}).state is state


def test_a_run_is_over_when_its_container_is() -> None:
    """The task's network is taken down for some time more, and nobody waits for that."""
    assert status_of(stopped(0) | {"lastStatus": "DEPROVISIONING"}).state is RunState.SUCCEEDED


def test_an_emulators_early_exit_code_means_nothing() -> None:
    """While a task runs, an exit code cannot be there."""
    task = {"lastStatus": "RUNNING", "containers": [{"name": "agent", "exitCode": 0}]}
    assert status_of(task).state is RunState.RUNNING


@pytest.mark.parametrize(
    ("stop", "reason", "said"),
    [
        (
            "SpotInterruption",
            "Your Spot Task was interrupted.",
            "AWS took the Spot capacity back: Your Spot Task was interrupted.",
        ),
        ("SpotInterruption", "", "AWS took the Spot capacity back"),
        ("TerminationNotice", "", "AWS took the capacity back"),
    ],
)
def test_an_interruption_is_said_in_words(stop: str, reason: str, said: str) -> None:
    """https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-capacity-providers.html"""
    assert status_of(stopped(143, stop, reason=reason)).reason == said
