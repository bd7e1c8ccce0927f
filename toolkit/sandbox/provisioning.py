"""What Fargate does for a task before its container runs, as its execution role, and how each step fails.

The image, the log stream and the definition's secrets; reasons as in
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from infra.reconcile.policy import Need
from toolkit.core.errors import NotFound

from .container import Wish
from .host import Host
from .images import Image, repository_arn
from .logs import LogStream

# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_execution_IAM_role.html
PULL_ACTIONS = (
    "ecr:BatchCheckLayerAvailability",
    "ecr:GetDownloadUrlForLayer",
    "ecr:BatchGetImage",
)
_UNABLE = "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: "
_NO_LOGGER = (
    "ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: "
    "failed to create Cloudwatch log stream: "
)


class CannotStart(Exception):
    """The task ends without its container having run; the text is its stoppedReason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Provisioning:
    """One task's definition and overrides.  Every method but `wish` raises CannotStart."""

    host: Host
    task_id: str
    definition: Mapping[str, Any]
    overrides: Mapping[str, Any] = field(default_factory=dict)

    @property
    def container(self) -> Mapping[str, Any]:
        """The first container's definition: the sandbox runs one per task."""
        return dict(self.definition["containerDefinitions"][0])

    def role(self, purpose: str) -> str | None:
        """`purpose` is taskRoleArn or executionRoleArn."""
        return self.overrides.get(purpose) or self.definition.get(purpose)

    def image(self) -> Image:
        name = self.container["image"]
        refused = self._refused(
            Need(action="ecr:GetAuthorizationToken"),
            *(Need(action=action, resource=repository_arn(name)) for action in PULL_ACTIONS),
        )
        if refused:
            raise CannotStart(
                f"{_UNABLE}unable to retrieve ecr registry auth: AccessDeniedException: {refused}"
            )
        try:
            return self.host.images.extracted(name)
        except NotFound as error:
            raise CannotStart(
                f"CannotPullContainerError: failed to resolve reference {name}: {name}: not found"
            ) from error

    def stream(self) -> LogStream | None:
        """The awslogs driver's stream, `prefix/container/task`; None without that driver."""
        options = (self.container.get("logConfiguration") or {}).get("options") or {}
        group, logs = options.get("awslogs-group"), self.host.logs
        if not group:
            return None
        region = options.get("awslogs-region")
        create = options.get("awslogs-create-group") == "true"
        stream = f"{options['awslogs-stream-prefix']}/{self.container['name']}/{self.task_id}"
        if refused := self._refused(*logs.needs(group, stream, region, create=create)):
            raise CannotStart(f"{_NO_LOGGER}AccessDeniedException: {refused}")
        if create:
            logs.create_group(group, region)
        if not logs.has_group(group, region):
            raise CannotStart(
                f"{_NO_LOGGER}ResourceNotFoundException: The specified log group does not exist: {group}"
            )
        return logs.stream(group, stream, region)

    def secrets(self) -> dict[str, str]:
        """The definition's `secrets` as variables, read once."""
        wanted = self.container.get("secrets") or ()
        return {entry["name"]: self._secret(entry["valueFrom"]) for entry in wanted}

    def wish(self, more: Mapping[str, str]) -> Wish:
        """What definition and overrides want, and `more` variables over theirs."""
        container, override = self.container, self._override()
        given = [*(container.get("environment") or ()), *(override.get("environment") or ())]
        return Wish(
            env={**{entry["name"]: entry["value"] for entry in given}, **more},
            entrypoint=container.get("entryPoint") or None,
            command=override.get("command") or container.get("command") or None,
            workdir=container.get("workingDirectory"),
            mounts=[mount["containerPath"] for mount in container.get("mountPoints") or ()],
        )

    def _override(self) -> Mapping[str, Any]:
        wanted: Sequence[Mapping[str, Any]] = self.overrides.get("containerOverrides") or ()
        name = self.container["name"]
        return next((override for override in wanted if override.get("name") == name), {})

    def _refused(self, *wanted: Need) -> str | None:
        """Why the execution role may not do one of these; None when it may, or there is none."""
        role = self.role("executionRoleArn")
        return self.host.access.first_refused(role, wanted) if role else None

    def _secret(self, reference: str) -> str:
        failed = f"{_UNABLE}unable to retrieve secret from asm: "
        parts = reference.split(":")  # arn:aws:secretsmanager:R:A:secret:NAME[:key:stage:version]
        name, key = ":".join(parts[:7]), parts[7] if len(parts) > 7 else ""
        if refused := self._refused(Need(action="secretsmanager:GetSecretValue", resource=name)):
            raise CannotStart(f"{failed}AccessDeniedException: {refused}")
        text = self._current(name)
        value = json.loads(text).get(key) if text and key else text
        if value is None:
            raise CannotStart(f"{failed}{name}")
        return str(value)

    def _current(self, name: str) -> str | None:
        with self.host.cloud.backend("secretsmanager") as backend:
            found = backend.secrets.get(name)
            if found is None or found.deleted_date:
                return None
            text = found.versions[found.default_version_id].get("secret_string")
        return None if text is None else str(text)
