"""How Cloud Run tells where a job, an execution or a task stands: conditions.

https://cloud.google.com/run/docs/reference/rpc/google.cloud.run.v2#condition.  The sentences are those that its users
know from the console.
"""

from collections.abc import Iterable
from datetime import datetime

from google.cloud import run_v2

Condition = run_v2.Condition
State = Condition.State
Common = Condition.CommonReason
Reason = Condition.ExecutionReason

READY, COMPLETED, STARTED = "Ready", "Completed", "Started"
RESOURCES, CONTAINER, RETRY = "ResourcesAvailable", "ContainerReady", "Retry"
FAILED, DONE, PENDING, GOING = (
    State.CONDITION_FAILED,
    State.CONDITION_SUCCEEDED,
    State.CONDITION_PENDING,
    State.CONDITION_RECONCILING,
)

EXITED = "The container exited with an error."
TIMED_OUT = "The configured timeout was reached."
OUT_OF_MEMORY = "The configured memory limit was reached."


def condition(
    kind: str,
    state: int,
    at: datetime,
    message: str = "",
    *,
    reason: int | None = None,
    execution_reason: int | None = None,
) -> Condition:
    """`reason` and `execution_reason` exclude each other, as in the message."""
    why = {"reason": reason} if reason is not None else {"execution_reason": execution_reason}
    return Condition(
        type_=kind,
        state=state,
        message=message,
        last_transition_time=at,
        severity=Condition.Severity.ERROR if state == FAILED else 0,
        **{name: value for name, value in why.items() if value is not None},
    )


def put(resource: run_v2.Execution | run_v2.Task, *changed: Condition) -> None:
    """Replace the resource's conditions of these types, or add them."""
    rest = {c.type_: c for c in resource.conditions}
    rest |= {c.type_: c for c in changed}
    resource.conditions = list(rest.values())


def find(conditions: Iterable[Condition], kind: str) -> Condition | None:
    return next((c for c in conditions if c.type_ == kind), None)


def ready(job: run_v2.Job) -> bool:
    """Whether the job's last change has been taken over and it can be run."""
    return not job.reconciling and job.terminal_condition.state == DONE


def completed(resource: run_v2.Execution | run_v2.Task) -> bool:
    """Whether it is over, however it ended."""
    found = find(resource.conditions, COMPLETED)
    return found is not None and found.state in {DONE, FAILED}
