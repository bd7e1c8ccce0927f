"""What a container's state means for its run.  Pure."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from toolkit.core.run import (
    RERUN,
    TIMEOUT,
    Cause,
    Mailbox,
    RunState,
    RunStatus,
    status_of_exit,
)

OVER = ("exited", "dead")
ALIVE = ("created", "running", "paused", "restarting")
FORGOTTEN = timedelta(days=1)  # in which somebody records the end of a run
UNSTARTED = timedelta(minutes=2)  # between a container's making and its start
_KILLED = 137  # 128 + SIGKILL
_NEVER = "0001-01-01"  # how Docker writes a time that has not come


def begun(state: Mapping[str, Any]) -> bool:
    return not str(state.get("StartedAt") or _NEVER).startswith(_NEVER)


def alive(status: str, created: datetime, moment: datetime) -> RunStatus | None:
    """Of a container that has not ended, by the word that Docker has for it; None for one that has."""
    if status in OVER:
        return None
    if status != "created":
        return RunStatus(state=RunState.RUNNING)
    if moment - created < UNSTARTED:
        return RunStatus(state=RunState.STARTING)
    reason = "whoever launched it ended before it was started"
    return RunStatus(state=RunState.FAILED, cause=Cause.NEVER_STARTED, reason=reason)


def ended(state: Mapping[str, Any]) -> RunStatus:
    """Of one that has, by its `State` as ContainerInspect shows it."""
    code, said = int(state.get("ExitCode") or 0), str(state.get("Error") or "")
    if not begun(state):
        return RunStatus(state=RunState.FAILED, cause=Cause.NEVER_STARTED, reason=said)
    if state.get("OOMKilled") and code not in (0, RERUN, TIMEOUT):
        reason = "it needed more memory than it has: give the agent more"
        return RunStatus(
            state=RunState.FAILED, exit_code=code, cause=Cause.OUT_OF_MEMORY, reason=reason
        )
    killed = "it was killed (SIGKILL)" if code == _KILLED else ""
    return status_of_exit(code, reason=said or killed)


def with_mailbox(status: RunStatus, mailbox: Mailbox | None) -> RunStatus:
    """With what the run's log says, where its container can write nowhere else."""
    return replace(status, mailbox=mailbox)
