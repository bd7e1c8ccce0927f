"""What Cloud Run says of an execution, in our words.  Pure.

An execution tells by conditions and counts, its one task by an exit code or a signal, or by neither when its container
never ran: https://cloud.google.com/run/docs/reference/rpc/google.cloud.run.v2#execution.  What is not known to have ended
goes on, however it looks; an unknown sentence is `unknown`, never an error.  Its times may contradict each other.
"""

import re
import signal
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from toolkit.core.errors import AlError, LaunchError
from toolkit.core.run import Cause, RunState, RunStatus, status_of_exit

COMPLETED = "Completed"
SECRETS_CHECK = "SECRETS_ACCESS_CHECK_FAILED"
_FAILED, _DONE = 3, 4  # CONDITION_FAILED and CONDITION_SUCCEEDED of Condition.State
# https://cloud.google.com/run/docs/troubleshooting#jobs
_TIMED_OUT = re.compile(r"configured timeout was reached|Terminating task because it has reached")
# the first that matches counts
_CAUSES = (
    (re.compile(r"[Mm]emory limit|[Oo]ut of memory"), Cause.OUT_OF_MEMORY),
    (
        re.compile(
            rf"{SECRETS_CHECK}|[Ss]ecret .*(not found|[Pp]ermission)|ermission denied on secret"
        ),
        Cause.SECRET_MISSING,
    ),
    (
        re.compile(r"CONTAINER_(MISSING|PERMISSION|IMAGE)|Image .*not found|[Pp]ull|manifest"),
        Cause.IMAGE_PULL,
    ),
    (re.compile(r"[Qq]uota|RESOURCE_EXHAUSTED|[Cc]apacity|no available instance"), Cause.CAPACITY),
    (re.compile(r"VPC_NETWORK|[Nn]etwork"), Cause.NETWORK),
    (re.compile(r"[Pp]ermission|PERMISSION|not authorized|actAs"), Cause.PERMISSION),
    (
        re.compile(r"failed to start|PROGRESS_DEADLINE|health check|exec format|Internal error"),
        Cause.NEVER_STARTED,
    ),
)
_HINTS: Mapping[Cause, str] = {
    Cause.CAPACITY: "try again in a minute, or ask for more running executions in the console's quotas",
    Cause.PERMISSION: "this identity needs run.jobs.run and run.jobs.runWithOverrides; docs/gcp.md has the roles",
    Cause.IMAGE_PULL: "run `al push` again: the image is no longer in the registry, or Cloud Run may not read it",
    Cause.SECRET_MISSING: "run `al push` again: the agent's account may not read its runs' secrets",
}


def cause_of(words: str, default: Cause = Cause.UNKNOWN) -> Cause:
    return next((cause for pattern, cause in _CAUSES if pattern.search(words)), default)


def is_over(execution: Any) -> bool:
    """Whether it has ended, however.  Counts alone do not tell: a task that waits to be tried again has none."""
    found = _condition(execution.conditions)
    return bool(execution.completion_time) or (
        found is not None and int(found.state) in (_FAILED, _DONE)
    )


def succeeded(execution: Any) -> bool:
    found = _condition(execution.conditions)
    return execution.succeeded_count > 0 and (found is None or int(found.state) == _DONE)


def status_of(execution: Any, task: Any | None) -> RunStatus:
    """The state of an execution; `task` is its only one, which is needed when it is over and has not succeeded."""
    if not is_over(execution):
        if execution.running_count:
            return RunStatus(state=RunState.RUNNING)
        return RunStatus(state=RunState.STARTING, reason=_waiting(execution))
    if succeeded(execution):
        return RunStatus(state=RunState.SUCCEEDED, exit_code=0)
    words = _words(execution, task)
    code, number = _result(task)
    if execution.cancelled_count or _reason(execution) in ("CANCELLED", "DELETED"):
        return RunStatus(state=RunState.STOPPED, exit_code=code, reason=words)
    if _TIMED_OUT.search(words):
        return RunStatus(state=RunState.TIMED_OUT, exit_code=code, reason=words)
    return _failed(code, number, words)


def ended_at(execution: Any) -> datetime | None:
    """When it was over, as far as that is known."""
    found = _condition(execution.conditions)
    return execution.completion_time or (found.last_transition_time if found else None)


def _failed(code: int | None, number: int | None, words: str) -> RunStatus:
    cause = cause_of(words)
    if number is not None:
        ended = f"its container was ended by {_signal(number)}"
        cause = Cause.INTERRUPTED if number == signal.SIGTERM else cause
        return _status(128 + number, cause, f"{words}; {ended}" if words else ended)
    if code is None or cause is Cause.OUT_OF_MEMORY:
        never = cause if cause is not Cause.UNKNOWN else Cause.NEVER_STARTED
        return _status(code, never, words or "the task ended without a reason")
    return status_of_exit(code, reason="" if "exited with an error" in words else words)


def _status(code: int | None, cause: Cause, words: str) -> RunStatus:
    return RunStatus(state=RunState.FAILED, exit_code=code, cause=cause, reason=words)


def _result(task: Any | None) -> tuple[int | None, int | None]:
    """Exit code and signal: at most one, and neither of a container that never ran.

    0 is what the field says of both, so it counts only beside an end without a complaint.
    """
    if task is None or "last_attempt_result" not in task:
        return None, None
    result = task.last_attempt_result
    if result.term_signal:
        return None, int(result.term_signal)
    if result.exit_code or not result.status.message:
        return int(result.exit_code), None
    return None, None


def _words(execution: Any, task: Any | None) -> str:
    """What went wrong, without the name of the task; with the reason where that says more."""
    found = _condition(execution.conditions)
    said = found.message if found else ""
    said = re.sub(r"^Task \S+ failed with message: ", "", said)
    own = task.last_attempt_result.status.message if task and "last_attempt_result" in task else ""
    parts = [part for part in (said, own) if part]
    words = "; ".join(dict.fromkeys(parts))
    reason = _common(found)
    return f"{words} ({reason})" if reason and reason not in words else words


def _waiting(execution: Any) -> str:
    told = [c.message for c in execution.conditions if c.message and c.type_ != COMPLETED]
    return told[-1] if told else "waiting for its container"


def _condition(conditions: Iterable[Any]) -> Any | None:
    return next((c for c in conditions if c.type_ == COMPLETED), None)


def _reason(execution: Any) -> str:
    """CANCELLED, NON_ZERO_EXIT_CODE, ...; "" without one."""
    found = _condition(execution.conditions)
    if found is None or "execution_reason" not in found:
        return ""
    return str(found.execution_reason.name)


def _common(condition: Any | None) -> str:
    if condition is None or "reason" not in condition:
        return ""
    return str(condition.reason.name)


def _signal(number: int) -> str:
    known = {s.value: s.name for s in signal.Signals}
    hint = ", as when memory runs out" if number == signal.SIGKILL else ""
    return f"{known.get(number, f'signal {number}')}{hint}"


def unready(job: str, condition: Any) -> LaunchError:
    """A job that cannot be run, with Google's reason."""
    reason = _common(condition)
    words = f"the job {job} cannot be run: {condition.message or 'Cloud Run gave no reason'}"
    return _error(f"{words} ({reason})" if reason else words)


def refused(error: AlError) -> AlError:
    """An error of RunJob or CreateJob: a LaunchError when it is about this launch, itself when it says more."""
    if type(error) is AlError or cause_of(error.message) is Cause.CAPACITY:
        return _error(error.message, error.hint)
    return error


def changing(job: str) -> LaunchError:
    return LaunchError(
        f"the job {job} is still being changed and cannot be run yet",
        hint="try again in a minute",
        cause=Cause.NEVER_STARTED,
        temporary=True,
    )


def _error(words: str, hint: str = "") -> LaunchError:
    cause = cause_of(words, Cause.NEVER_STARTED)
    return LaunchError(
        words,
        hint=_HINTS.get(cause) or hint or "see the job in the Cloud Run console",
        cause=cause,
        temporary=cause is Cause.CAPACITY,
    )


def is_ready(job: Any) -> bool:
    """Whether a job can be run: its last change has been made."""
    return not job.reconciling and int(job.terminal_condition.state) == _DONE


def is_cancelled(execution: Any) -> bool:
    """Whether somebody has cancelled it, be it over or not."""
    return bool(execution.cancelled_count) or _reason(execution) in ("CANCELLED", "CANCELLING")
