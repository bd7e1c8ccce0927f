"""What ECS says of a task, in our words.  Pure.

A task's end is told by its `stopCode`, its `stoppedReason`, and the exit code of the container called `agent`,
which is absent when it never ran: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html
An unknown code or sentence is `unknown`, never an error.
"""

import re
from collections.abc import Mapping
from typing import Any

from toolkit.core.errors import AlError, ConfigError, LaunchError
from toolkit.core.run import Cause, RunState, RunStatus, status_of_exit

CONTAINER = "agent"  # the essential container that does the run's work

_CAPACITY = re.compile(
    r"\bRESOURCE:|[Cc]apacity is unavailable|limit on the number of (vCPUs|tasks)|concurrent vCPU"
)
# the first that matches counts
_CAUSES = (
    (re.compile(r"OutOfMemory"), Cause.OUT_OF_MEMORY),
    (re.compile(r"CannotPull|failed to find a descriptor for platform"), Cause.IMAGE_PULL),
    (_CAPACITY, Cause.CAPACITY),
    (
        re.compile(
            r"network interface provisioning|i/o timeout|dial tcp|send request failed|deadline"
        ),
        Cause.NETWORK,
    ),
    (re.compile(r"AccessDenied|not authorized|unable to assume"), Cause.PERMISSION),
    (re.compile(r"registry auth: .*registry auth|ECR"), Cause.IMAGE_PULL),
    (re.compile(r"[Ss]ecret"), Cause.SECRET_MISSING),
    (
        re.compile(
            r"ResourceInitialization|Cannot(Start|Create|Inspect)|TimeoutError|EphemeralStorage"
            r"|[Ll]og group"
        ),
        Cause.NEVER_STARTED,
    ),
)
# who ends a task that would have gone on
# (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-capacity-providers.html)
_INTERRUPTED: Mapping[str, Cause] = {
    "SpotInterruption": Cause.SPOT_INTERRUPTION,
    "TerminationNotice": Cause.SPOT_INTERRUPTION,
    "ServiceSchedulerInitiated": Cause.INTERRUPTED,
}
_TAKEN_BACK: Mapping[str, str] = {
    "SpotInterruption": "AWS took the Spot capacity back: {}",
    "TerminationNotice": "AWS took the capacity back: {}",
}
_BEFORE = ("PROVISIONING", "PENDING", "ACTIVATING")
_AFTER = ("DEACTIVATING", "STOPPING", "DEPROVISIONING", "STOPPED", "DELETED")
_NO_SPOT = (
    "the cluster lacks FARGATE_SPOT: push again, or for your own `ecsCluster` run `aws ecs "
    "put-cluster-capacity-providers` with FARGATE and FARGATE_SPOT; or set spot = false for the agent"
)
_HINTS: Mapping[Cause, str] = {
    Cause.CAPACITY: "try again in a minute, name subnets in several zones, or ask for more Fargate vCPUs in Service Quotas",
    Cause.PERMISSION: "run `al push` again: a role is missing or trusts the wrong service",
    Cause.NETWORK: "the subnets need a way to AWS's APIs: a public address, a NAT gateway or VPC endpoints",
}


def cause_of(words: str, default: Cause = Cause.UNKNOWN) -> Cause:
    return next((cause for pattern, cause in _CAUSES if pattern.search(words)), default)


def status_of(task: Mapping[str, Any]) -> RunStatus:
    """The state of a task as DescribeTasks gives it.

    Final as soon as the agent's container has its exit code: ECS takes the task's network down for up to
    half a minute more.
    """
    container = _agent_of(task)
    code = container.get("exitCode")
    last = task.get("lastStatus", "")
    if last == "STOPPED" or (last in _AFTER and code is not None):
        words = filter(None, (task.get("stoppedReason"), container.get("reason")))
        return _ended(task.get("stopCode"), code, "; ".join(words))
    state = RunState.STARTING if last in _BEFORE else RunState.RUNNING
    return RunStatus(state=state, reason=last.lower())


def _agent_of(task: Mapping[str, Any]) -> Mapping[str, Any]:
    """The agent's container, found by name: a sidecar may come first.  Empty when ECS lists none."""
    return next((c for c in task.get("containers", ()) if c.get("name") == CONTAINER), {})


def _ended(stop: str | None, code: int | None, words: str) -> RunStatus:
    if stop == "UserInitiated":
        return RunStatus(state=RunState.STOPPED, exit_code=code, reason=words)
    words = _TAKEN_BACK.get(stop or "", "{}").format(words).removesuffix(": ")
    if code is None or stop == "TaskFailedToStart":
        return _failed(
            None, cause_of(words, _never(stop)), words or "the task ended without a reason"
        )
    end = status_of_exit(code, reason=words)
    if end.state is not RunState.FAILED:
        return end
    if stop in _INTERRUPTED:
        return _failed(code, _never(stop), words)
    return _failed(code, Cause.OUT_OF_MEMORY, words) if "OutOfMemory" in words else end


def _never(stop: str | None) -> Cause:
    """An exit code that is absent is never a success, whatever else is known."""
    if stop == "TaskFailedToStart":
        return Cause.NEVER_STARTED
    return _INTERRUPTED.get(stop or "", Cause.UNKNOWN)


def _failed(code: int | None, cause: Cause, words: str) -> RunStatus:
    return RunStatus(state=RunState.FAILED, exit_code=code, cause=cause, reason=words)


def not_launched(run: str, failures: list[Mapping[str, str]]) -> LaunchError:
    """RunTask's second way to fail: a success without a task, and the reasons beside it
    (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/api_failures_messages.html)."""
    said = [": ".join(filter(None, (f.get("reason"), f.get("detail")))) for f in failures]
    return _error(f"ECS did not start {run}: {'; '.join(said) or 'it gave no reason'}")


def refused(error: AlError) -> AlError:
    """An exception of RunTask: a LaunchError when it is about this launch, itself when it says more."""
    if type(error) in (AlError, ConfigError) or _CAPACITY.search(error.message):
        return _error(error.message, error.hint)
    return error


def _error(words: str, hint: str = "") -> LaunchError:
    cause = cause_of(words, Cause.NEVER_STARTED)
    own = _NO_SPOT if "capacity provider" in words else _HINTS.get(cause)
    return LaunchError(
        words,
        hint=own or hint or "see the cluster's events in the ECS console",
        cause=cause,
        temporary=cause is Cause.CAPACITY,
    )
