"""The life of one ECS task: from PROVISIONING to STOPPED, with what Fargate would have done on the way.

Moves moto's task object through its states, and runs the container between PENDING and STOPPED.  States and
reasons: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-lifecycle-explanation.html and
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html.
"""

import json
import shutil
import threading
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from toolkit.core.errors import AlError, LaunchError, NotFound

from .container import Container, Wish, prepare
from .host import Host
from .logs import LogStream

Definition = Mapping[str, Any]
_INJECTED = {
    "capacity": "Capacity is unavailable at this time. Please try again later or in a different availability zone",
    "image": "CannotPullContainerError: pull image manifest has been retried 5 time(s): failed to resolve ref",
    "secret": "ResourceInitializationError: unable to pull secrets or registry auth: "
    "execution resource retrieval failed: unable to retrieve secret from asm",
    "network": "Timeout waiting for network interface provisioning to complete.",
}


class CannotStart(Exception):
    """The task ends without its container having run; the text is its stoppedReason."""


class RunningTask:
    """One task and its container.  `task` is moto's object, touched under the cloud's lock only."""

    def __init__(self, host: Host, task: Any, definition: Definition) -> None:
        self._host, self._task, self._definition = host, task, definition
        self._container_definition: Definition = definition["containerDefinitions"][0]
        self._directory = host.work / task.id
        self._stopping = threading.Event()
        self._container: Container | None = None
        self._begun = datetime.now(UTC)
        self._thread = threading.Thread(target=self._live, name=f"task-{task.id}", daemon=True)
        self._set(status="PROVISIONING", created_at=self._begun, connectivity="CONNECTED")
        self._describe_container("PENDING")

    def start(self) -> None:
        self._thread.start()

    def stop(self, reason: str) -> None:
        """As StopTask: SIGTERM, and SIGKILL after the container's stopTimeout.  Returns at once."""
        if self._stopping.is_set():
            return
        self._set(desired_status="STOPPED", stopping_at=datetime.now(UTC), tags=[])
        self._set(stop_code="UserInitiated", stopped_reason=reason)
        self._stopping.set()
        self._terminate()

    def end(self, timeout: float = 10.0) -> None:
        """Kill it and wait until nothing of it is left: the sandbox is closing."""
        self._stopping.set()
        if self._container:
            self._container.kill()
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
            shutil.rmtree(self._directory, ignore_errors=True)
            self._host.tasks.pop(self._task.task_arn, None)

    def _run(self) -> None:
        settings = self._host.settings()
        self._stopping.wait(settings.start_delay)
        if self._stopping.is_set():
            self._stopped("UserInitiated", self._task.stopped_reason, None)
            return
        if settings.start_failure:
            raise CannotStart(_INJECTED[settings.start_failure])
        self._set(status="PENDING")
        shared, variables = self._identity()
        try:
            self._start(variables)
            code = self._wait()
        finally:
            self._host.roles.unshare(shared)
        self._stopped("EssentialContainerExited", "Essential container in task exited", code)

    def _start(self, identity: Mapping[str, str]) -> None:
        image = self._pull()
        stream = self._stream()
        wish = self._wish({**self._secrets(), **identity})
        try:
            command = prepare(image, wish, self._directory)
            self._container = Container(
                command, lambda lines: stream.write(*lines) if stream else None
            )
        except (OSError, LaunchError) as error:
            raise CannotStart(f"CannotStartContainerError: {error}") from error
        now = datetime.now(UTC)
        self._set(status="RUNNING", started_at=now, connectivity_at=now)
        self._describe_container("RUNNING")

    def _wait(self) -> int:
        assert self._container is not None  # noqa: S101 - _start made it
        if self._stopping.is_set():  # while it was being started
            self._terminate()
        code = self._container.wait()
        return 137 if code is None else code

    def _terminate(self) -> None:
        """SIGTERM now, SIGKILL after stopTimeout; waits for neither."""
        if self._container is None:
            return
        self._set(status="STOPPING")
        self._container.terminate()
        patience = self._container_definition.get("stopTimeout") or 30
        timer = threading.Timer(patience, self._container.kill)
        timer.daemon = True
        timer.start()

    def _stopped(self, code: str, reason: str, exit_code: int | None) -> None:
        now = datetime.now(UTC)
        if self._stopping.is_set():
            code, reason = "UserInitiated", self._task.stopped_reason
        self._set(status="DEPROVISIONING", execution_stopped_at=now)
        self._describe_container("STOPPED", exit_code)
        self._set(stop_code=code, stopped_reason=reason, stopped_at=now, desired_status="STOPPED")
        self._set(status="STOPPED")

    # what Fargate does before the container

    def _pull(self) -> Any:
        name = self._container_definition["image"]
        self._set(pull_started_at=datetime.now(UTC))
        try:
            image = self._host.images.extracted(name)
        except NotFound as error:
            raise CannotStart(
                f"CannotPullContainerError: failed to resolve reference {name}: {name}: not found"
            ) from error
        self._set(pull_stopped_at=datetime.now(UTC))
        return image

    def _stream(self) -> LogStream | None:
        """The awslogs driver's stream, `prefix/container/task`."""
        options = (self._container_definition.get("logConfiguration") or {}).get("options") or {}
        group = options.get("awslogs-group")
        if not group:
            return None
        region = options.get("awslogs-region") or self._host.cloud.region
        if options.get("awslogs-create-group") == "true":
            self._host.logs.create_group(group, region)
        if not self._host.logs.has_group(group, region):
            raise CannotStart(
                "ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: "
                "failed to create Cloudwatch log stream: ResourceNotFoundException: "
                f"The specified log group does not exist: {group}"
            )
        prefix, name = options.get("awslogs-stream-prefix"), self._container_definition["name"]
        return self._host.logs.stream(group, f"{prefix}/{name}/{self._task.id}", region)

    def _secrets(self) -> dict[str, str]:
        """The definition's `secrets`, read as the execution role does, once."""
        return {
            entry["name"]: self._secret(entry["valueFrom"])
            for entry in self._container_definition.get("secrets") or ()
        }

    def _secret(self, reference: str) -> str:
        parts = reference.split(":")  # arn:aws:secretsmanager:R:A:secret:NAME[:key:stage:version]
        name, key = ":".join(parts[:7]), parts[7] if len(parts) > 7 else ""
        with self._host.cloud.backend("secretsmanager") as backend:
            found = backend.secrets.get(name)
            version = (
                found.versions[found.default_version_id]
                if found and not found.deleted_date
                else None
            )
        text = (version or {}).get("secret_string")
        value = json.loads(text).get(key) if text and key else text
        if value is None:
            raise CannotStart(
                "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval "
                f"failed: unable to retrieve secret from asm: {name}"
            )
        return str(value)

    def _identity(self) -> tuple[str, dict[str, str]]:
        """What the container learns of where and who it is."""
        role = (self._task.overrides or {}).get("taskRoleArn") or self._definition.get(
            "taskRoleArn"
        )
        shared, variables = self._host.roles.share(role, self._task.id) if role else ("", {})
        return shared, {
            **self._host.surroundings(),
            "AWS_EXECUTION_ENV": "AWS_ECS_FARGATE",
            "HOSTNAME": f"ip-{self._task.id[:8]}",
            **variables,
        }

    def _wish(self, more: Mapping[str, str]) -> Wish:
        definition, env = self._container_definition, {}
        override = self._override()
        for entry in [*(definition.get("environment") or ()), *(override.get("environment") or ())]:
            env[entry["name"]] = entry["value"]
        mounts = [m["containerPath"] for m in definition.get("mountPoints") or ()]
        return Wish(
            env={**env, **more},
            entrypoint=definition.get("entryPoint") or None,
            command=override.get("command") or definition.get("command") or None,
            workdir=definition.get("workingDirectory"),
            mounts=mounts,
        )

    def _override(self) -> Mapping[str, Any]:
        overrides: Sequence[Mapping[str, Any]] = (self._task.overrides or {}).get(
            "containerOverrides"
        ) or ()
        name = self._container_definition["name"]
        return next((o for o in overrides if o.get("name") == name), {})

    # moto's object

    def _set(self, *, status: str | None = None, **values: Any) -> None:
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
