"""Builds images in AWS CodeBuild: one project for the environment, whose role may push to one repository.

The role is desired state (infra/desired/builds.py); the log goes to the environment's group.  The project is made here, like a task definition: it is
compared at each build, and changed only while it carries our tags.  No variable of a build is secret: it logs in to the
registry as its role.
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any
from uuid import uuid4

from toolkit.clouds.aws import CODEBUILD, clients_for, cloud_of, role_arn, tag_list, translated
from toolkit.core.errors import Conflict, NotFound
from toolkit.core.names import BUILD
from toolkit.core.ports import Context
from toolkit.images.architecture import ARM64
from toolkit.images.following import BuildState, Look, made
from toolkit.images.homes import home_of
from toolkit.images.oci import registry_for
from toolkit.images.order import SCRIPT, Note, Order, carried

MINUTES, QUEUED_MINUTES = 60, 15
# https://docs.aws.amazon.com/codebuild/latest/userguide/build-env-ref-available.html
_X86 = ("LINUX_CONTAINER", "aws/codebuild/standard:7.0")
_ARM = ("ARM_CONTAINER", "aws/codebuild/amazonlinux-aarch64-standard:3.0")
_LOGIN = 'aws ecr get-login-password | docker login --username AWS --password-stdin "$AL_REGISTRY"'
_STATES: Mapping[str, BuildState] = {
    "IN_PROGRESS": BuildState.GOING,
    "SUCCEEDED": BuildState.SUCCEEDED,
}
BUILDSPEC = json.dumps(
    {
        "version": 0.2,
        "phases": {"pre_build": {"commands": [_LOGIN]}, "build": {"commands": [SCRIPT]}},
    },
    indent=1,
)  # JSON is YAML
# what is compared: the rest of a project is the service's own
_OURS = ("source", "artifacts", "environment", "serviceRole", "timeoutInMinutes", "logsConfig")


class CodeBuild:
    """images.order.Builder, and images.following.Service.  Making one costs nothing."""

    def __init__(
        self,
        context: Context,
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sleep, self._clock = sleep, clock
        self._context, self._names = context, context.names
        self._cloud = cloud_of(context.environment)
        self._clients = clients_for(self._cloud)

    @cached_property
    def _registry(self) -> Any:
        return registry_for(self._context)

    @property
    def _service(self) -> Any:
        return self._clients.client("codebuild")

    def make(self, orders: Sequence[Order], note: Note) -> None:
        if orders:
            self._ensure_project()
            made(self, orders, note, sleep=self._sleep, clock=self._clock)

    # images.following.Service

    def begin(self, order: Order) -> str:
        """Its id.  One build, also where the SDK sends the request twice."""
        tag, files = carried(order)
        if self._registry.digest(order.repository, tag) is None:
            self._registry.push_base(order.repository, tag, files, {})
        kind, image = _ARM if order.architecture == ARM64 else _X86
        with translated(f"starting the build of {order.name}"):
            answer = self._service.start_build(
                projectName=self._project,
                idempotencyToken=uuid4().hex,
                environmentTypeOverride=kind,
                imageOverride=image,
                environmentVariablesOverride=self._variables(order, tag),
            )
        return str(answer["build"]["id"])

    def look(self, build: str, cursor: str) -> Look:
        with translated("looking at the build"):
            found = self._service.batch_get_builds(ids=[build])["builds"]
        if not found:
            return Look(state=BuildState.FAILED, cursor=cursor, why="CodeBuild has lost it")
        one = found[0]
        lines, cursor = self._said(one.get("logs") or {}, cursor)
        status = str(one["buildStatus"])
        return Look(
            state=_STATES.get(status, BuildState.FAILED),
            lines=lines,
            cursor=cursor,
            why=_why(one),
            where=str((one.get("logs") or {}).get("deepLink") or ""),
        )

    def stop(self, build: str) -> None:
        with translated("stopping the build"):
            self._service.stop_build(id=build)

    def _said(self, logs: Mapping[str, Any], cursor: str) -> tuple[list[str], str]:
        """The lines since `cursor`, a token of CloudWatch Logs."""
        group, stream = logs.get("groupName"), logs.get("streamName")
        if not group or not stream:
            return [], cursor
        where = {"logGroupName": group, "logStreamName": stream, "startFromHead": True}
        try:
            with translated("reading the build's log"):
                answer = self._clients.client("logs").get_log_events(
                    **where, **({"nextToken": cursor} if cursor else {})
                )
        except NotFound:  # nothing has been said yet
            return [], cursor
        return [event["message"] for event in answer["events"]], str(answer["nextForwardToken"])

    def _variables(self, order: Order, context: str) -> list[dict[str, str]]:
        home = home_of(self._context.environment)
        place = f"{home.host}/{home.path(order.repository)}"
        named = {
            "AL_CONTEXT": f"{place}:{context}",
            "AL_PLATFORM": order.platform,
            "AL_REGISTRY": home.host,
            "AL_TARGET": f"{place}:{order.tag}",
        }
        return [{"name": n, "value": v, "type": "PLAINTEXT"} for n, v in named.items()]

    # the project

    @property
    def _project(self) -> str:
        return self._names.build_project

    def _ensure_project(self) -> None:
        """Made, or changed where it is another than this version's.  Raises Conflict for one that is not ours."""
        wanted, found = self._wanted(), self._found()
        if found is not None and _same(found, wanted):
            return
        call = self._service.update_project if found else self._service.create_project

        def ask() -> None:
            with translated(f"preparing the CodeBuild project {self._project}"):
                call(**wanted)

        role = wanted["serviceRole"]
        self._clients.when_assumable(ask, [role], service=CODEBUILD, sleep=self._sleep)

    def _found(self) -> Mapping[str, Any] | None:
        with translated(f"looking at the CodeBuild project {self._project}"):
            found = self._service.batch_get_projects(names=[self._project])["projects"]
        if not found:
            return None
        tags = {tag["key"]: tag["value"] for tag in found[0].get("tags") or ()}
        if not self._names.owns(tags):
            raise Conflict(
                f"the CodeBuild project {self._project} is not ours: it lacks our tags",
                hint="rename or remove it, or give this project another name",
            )
        project: Mapping[str, Any] = found[0]
        return project

    def _wanted(self) -> dict[str, Any]:
        kind, image = _X86
        group = self._names.ecs_log_group
        return {
            "name": self._project,
            "description": "Builds the images of agents that bring a Dockerfile",
            "source": {"type": "NO_SOURCE", "buildspec": BUILDSPEC},
            "artifacts": {"type": "NO_ARTIFACTS"},
            "environment": {
                "type": kind,
                "image": image,
                "computeType": "BUILD_GENERAL1_MEDIUM",
                "privilegedMode": True,  # it runs a Docker daemon
            },
            "serviceRole": role_arn(self._cloud, None, self._names.role(BUILD, "build")),
            "timeoutInMinutes": MINUTES,
            "queuedTimeoutInMinutes": QUEUED_MINUTES,
            "logsConfig": {
                "cloudWatchLogs": {"status": "ENABLED", "groupName": group, "streamName": BUILD}
            },
            "tags": tag_list(self._names.tags()),
        }


def _same(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """The service adds keys of its own."""

    def has(there: Any, ours: Any) -> bool:
        if isinstance(ours, Mapping):
            return isinstance(there, Mapping) and all(has(there.get(k), v) for k, v in ours.items())
        return bool(there == ours)

    return all(has(found.get(key), wanted[key]) for key in _OURS)


def _why(build: Mapping[str, Any]) -> str:
    """Of the first phase that failed, what the service says."""
    if build["buildStatus"] in ("IN_PROGRESS", "SUCCEEDED"):
        return ""
    for phase in build.get("phases") or ():
        if phase.get("phaseStatus") not in (None, "SUCCEEDED"):
            said = " ".join(one.get("message") or "" for one in phase.get("contexts") or ()).strip()
            return f"{phase['phaseType']}: {said or phase['phaseStatus']}"
    return str(build["buildStatus"])


PLUGIN = CodeBuild
