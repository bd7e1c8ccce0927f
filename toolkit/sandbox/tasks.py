"""The life of one ECS task: from PROVISIONING to STOPPED.

Moves moto's task object through its states, and runs the container in between.  States:
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-lifecycle-explanation.html
"""

import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from toolkit.core.errors import AlError, LaunchError

from .container import Container
from .executor import Executor
from .host import Host
from .provisioning import CannotStart, Provisioning

STOP_SECONDS = 30  # the default of stopTimeout (API reference, ContainerDefinition)
KILLED = 137
_INJECTED = {
    "capacity": "Capacity is unavailable at this time. Please try again later or in a different availability zone",
    "image": "CannotPullContainerError: pull image manifest has been retried 5 time(s): failed to resolve ref",
    "secret": "ResourceInitializationError: unable to pull secrets or registry auth: "
    "execution resource retrieval failed: unable to retrieve secret from asm",
    "network": "Timeout waiting for network interface provisioning to complete.",
}


class RunningTask:
    """One task and its container.  `task` is moto's object, touched under the cloud's lock only."""

    def __init__(self, host: Host, task: Any, definition: Mapping[str, Any]) -> None:
        self._host, self._task = host, task
        self._plan = Provisioning(
            host=host, task_id=task.id, definition=definition, overrides=task.overrides or {}
        )
        self._executor = Executor(host.work / task.id)
        self._thread = threading.Thread(target=self._live, name=f"task-{task.id}", daemon=True)
        self._set("PROVISIONING", created_at=datetime.now(UTC), connectivity="CONNECTED")
        self._describe_container("PENDING")

    def start(self) -> None:
        self._thread.start()

    def stop(self, reason: str) -> None:
        """As StopTask: SIGTERM, and SIGKILL after the container's stopTimeout.  Returns at once."""
        if self._executor.stopping.is_set():
            return
        self._set(desired_status="STOPPED", stopping_at=datetime.now(UTC), tags=[])
        self._set(stop_code="UserInitiated", stopped_reason=reason)
        if self._executor.started:
            self._set("STOPPING")
        self._executor.stop(self._plan.container.get("stopTimeout") or STOP_SECONDS)

    def end(self, timeout: float = 10.0) -> None:
        """Kill it and wait until nothing of it is left: the sandbox is closing."""
        self._executor.kill()
        self._thread.join(timeout)

    # the life

    def _live(self) -> None:
        try:
            self._run()
        except CannotStart as reason:
            self._stopped("TaskFailedToStart", str(reason), None)
        except AlError as error:
            self._stopped("TaskFailedToStart", error.message, None)
        finally:
            if self._task.status != "STOPPED":  # our own mistake: its traceback is in the log
                self._stopped("TaskFailedToStart", "InternalError", None)
            self._executor.remove()
            self._host.tasks.pop(self._task.task_arn, None)
            for hear in self._host.ended:
                hear(self._task)

    def _run(self) -> None:
        settings = self._host.settings()
        if self._executor.stopping.wait(settings.start_delay):
            self._stopped("UserInitiated", self._task.stopped_reason, None)
            return
        if settings.start_failure in _INJECTED:
            if settings.start_failure in {"capacity", "network"}:
                self._set(containers=[])  # none was made yet
            raise CannotStart(_INJECTED[settings.start_failure])
        self._set("PENDING")
        role = self._plan.role("taskRoleArn")
        shared, identity = self._host.roles.share(role, self._task.id) if role else ("", {})
        try:
            code = self._started(identity).wait()
        finally:
            self._host.roles.unshare(shared)
        code = KILLED if code is None else code
        self._stopped("EssentialContainerExited", "Essential container in task exited", code)

    def _started(self, identity: Mapping[str, str]) -> Container:
        self._set(pull_started_at=datetime.now(UTC))
        image, stream = self._plan.image(), self._plan.stream()
        self._set(pull_stopped_at=datetime.now(UTC))
        wish = self._plan.wish({**self._surroundings(), **self._plan.secrets(), **identity})
        try:
            container = self._executor.start(
                image, wish, lambda lines: stream.write(*lines) if stream else None
            )
        except (OSError, LaunchError) as error:
            raise CannotStart(f"CannotStartContainerError: {error}") from error
        now = datetime.now(UTC)
        self._set("RUNNING", started_at=now, connectivity_at=now)
        self._describe_container("RUNNING")
        if self._executor.stopping.is_set():
            self._set("STOPPING")
        return container

    def _surroundings(self) -> dict[str, str]:
        return {
            **self._host.surroundings(),
            "AWS_EXECUTION_ENV": "AWS_ECS_FARGATE",
            "HOSTNAME": f"ip-{self._task.id[:8]}",
        }

    def _stopped(self, code: str, reason: str, exit_code: int | None) -> None:
        now = datetime.now(UTC)
        if self._executor.stopping.is_set():
            code, reason = "UserInitiated", self._task.stopped_reason
        self._set("DEPROVISIONING", execution_stopped_at=now)
        self._describe_container("STOPPED", exit_code)
        self._set(stop_code=code, stopped_reason=reason, stopped_at=now, desired_status="STOPPED")
        self._set("STOPPED")

    # moto's object

    def _set(self, status: str | None = None, **values: Any) -> None:
        with self._host.cloud.lock:
            for name, value in values.items():
                setattr(self._task, name, value)
            if status:
                self._task.status = status

    def _describe_container(self, status: str, exit_code: int | None = None) -> None:
        with self._host.cloud.lock:
            for container in self._task.containers:
                container.last_status = status
                container.task_arn = self._task.task_arn
                container.health_status = "UNKNOWN"
                container.exitCode = exit_code
