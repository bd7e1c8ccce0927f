"""Runs on Amazon ECS with Fargate: one task definition per version of an agent, one task per run (D1, D11).

Registering happens at push; launching is one RunTask with the run's id and the name of its secret, whose value
never passes through here.  Sizes are in _fargate_sizes.py, what became of a task in _fargate_ends.py.
"""

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from typing import Any

from toolkit.clouds import pages
from toolkit.clouds.aws import ECS_TASKS, tag_list, translated
from toolkit.clouds.aws_logs import Reader
from toolkit.clouds.aws_network import task_network
from toolkit.clouds.aws_runs import OnAws, earliest
from toolkit.core.agent import Agent
from toolkit.core.errors import (
    AccessDenied,
    AlError,
    Conflict,
    LimitExceeded,
    NotFound,
)
from toolkit.core.logs import LogEvent
from toolkit.core.names import shorten
from toolkit.core.plan import Grant, Item
from toolkit.core.run import RunHandle, RunId, RunSpec, RunState, RunStatus

from . import _fargate_definition as wanted
from . import _fargate_ends as ends
from ._shared_log import mine

# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html
OVERRIDES = 8192  # characters, the punctuation of the JSON included
TOKEN = 64  # characters of a clientToken
BATCH = 100  # tasks in one DescribeTasks

NOT_SEEN_YET = 60.0  # seconds in which a new task may be unknown: ECS is eventually consistent


class EcsFargate(OnAws):
    """The runtime plug-in `ecs_fargate`."""

    limits = wanted.LIMITS

    # at push

    def check(self, agent: Agent) -> Sequence[str]:
        return wanted.refusals(self._names, self.cloud, agent)

    def definition(self, agent: Agent, image: str) -> Item:
        return wanted.definition(self._context, self.cloud, agent, image)

    def grants(self, agent: Agent) -> tuple[Grant, ...]:
        return wanted.grants(self._names, self.cloud, agent)

    def define(self, item: Item) -> str:
        """`family:revision`, and `@spot` behind it where its tasks go to Spot capacity, which no task definition says;
        the newest revision again when it is this definition."""
        mark, request = _hash(item), dict(item.attributes)
        suffix = _ON_SPOT if request.pop("capacityProvider", None) else ""
        if (newest := self._newest(item.name)) and newest[1].get("al:hash") == mark:
            return f"{item.name}:{newest[0]}{suffix}"
        with translated(f"registering the task definition {item.name}"):
            answer = self._ecs.register_task_definition(
                **request, tags=tag_list({**item.tags, "al:hash": mark})
            )
        return f"{item.name}:{answer['taskDefinition']['revision']}{suffix}"

    def trouble(self, definition: str) -> str:
        """RunTask takes ACTIVE revisions only (API reference, DeregisterTaskDefinition)."""
        name = definition.removesuffix(_ON_SPOT)
        try:
            with translated(f"looking at {name}"):
                answer = self._ecs.describe_task_definition(taskDefinition=name)
        except NotFound:
            return f"the task definition {name} is gone"
        status = answer["taskDefinition"]["status"]
        return "" if status == "ACTIVE" else f"the task definition {name} is {status}"

    def prune(self, agent: str, keep: Collection[str]) -> tuple[str, ...]:
        """Deregister the agent's revisions that are not in `keep`; runs in progress go on.  The names of those."""
        family = self._names.family(agent)
        kept = {reference.removesuffix(_ON_SPOT) for reference in keep}
        with translated(f"listing the revisions of {family}"):
            pages = self._ecs.get_paginator("list_task_definitions").paginate(familyPrefix=family)
            found = [one.rsplit("/", 1)[-1] for page in pages for one in page["taskDefinitionArns"]]
        # the service matches families by prefix
        old = [name for name in found if name.rsplit(":", 1)[0] == family and name not in kept]
        for name in old:
            with translated(f"deregistering {name}"):
                self._ecs.deregister_task_definition(taskDefinition=name)
        return tuple(old)

    # a run

    def launch(self, spec: RunSpec) -> RunHandle:
        roles = [
            wanted.role(self._names, self.cloud, spec.agent, purpose)
            for purpose in ("execution", "task")
        ]
        try:
            task_arn = self.clients.when_assumable(
                lambda: self._run_task(spec), roles, service=ECS_TASKS, sleep=self._sleep
            )
        except Conflict as error:
            task_arn = _launched_before(error)
        return self._handle(spec.run, task_arn, self._clock())

    def states(self, handles: Sequence[RunHandle]) -> Mapping[RunId, RunStatus]:
        answers: dict[RunId, RunStatus] = {}
        known = [handle for handle in handles if "task_arn" in handle.ids]
        for cluster in sorted({handle.ids["cluster"] for handle in known}):
            mine = {h.ids["task_arn"]: h for h in known if h.ids["cluster"] == cluster}
            for task in self._describe(cluster, list(mine)):
                handle = mine.pop(task["taskArn"])
                answers[handle.run] = ends.status_of(task)
            answers |= {h.run: _UNSEEN for h in mine.values() if self._age(h) < NOT_SEEN_YET}
        return answers

    def stop(self, handle: RunHandle) -> str:
        if "task_arn" not in handle.ids:
            return f"ECS lists no task for {handle.run}: its container looks at the stop flag"
        try:
            with translated(f"stopping {handle.run}"):
                answer = self._ecs.stop_task(
                    cluster=handle.ids["cluster"],
                    task=handle.ids["task_arn"],
                    reason="stopped by al",
                )
        except NotFound:
            return f"{handle.run} was already over: ECS knows its task no longer"
        except AccessDenied:
            if not self._told_to_stop(handle):
                raise
            return f"{handle.run} was already told to stop"
        if answer["task"].get("lastStatus") == "STOPPED":
            return f"{handle.run} was already over"
        return f"ECS is stopping {handle.run}: SIGTERM now, SIGKILL after {wanted.STOP_SECONDS} s"

    def _told_to_stop(self, handle: RunHandle) -> bool:
        """Whether the task is over or ending.  One that was stopped has lost its tags, and one that is forgotten has none, so
        whoever may stop only tasks with our tags is refused (https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_StopTask.html)."""
        for task in self._describe(handle.ids["cluster"], [handle.ids["task_arn"]]):
            return bool(task.get("desiredStatus") == "STOPPED")
        return self._age(handle) >= NOT_SEEN_YET

    def logs(self, handle: RunHandle, *, since: int = 0) -> Iterator[LogEvent]:
        if stream := handle.ids.get("log_stream"):
            return self._reader(handle).forward(handle.ids["log_group"], stream, since=since)
        return self._search(handle, since=since)

    def tail(self, handle: RunHandle, *, before: int | None = None) -> Iterator[LogEvent]:
        if stream := handle.ids.get("log_stream"):
            return self._reader(handle).backward(handle.ids["log_group"], stream, before=before)
        return reversed(list(self._search(handle, before=before)))

    def running(self) -> Iterable[RunHandle]:
        """Tasks that are to run, those still pending included; none where there is no cluster."""
        try:
            with translated("listing the running tasks"):
                pages = self._ecs.get_paginator("list_tasks").paginate(
                    cluster=self._cluster, desiredStatus="RUNNING"
                )
                arns = [one for page in pages for one in page["taskArns"]]
        except NotFound:
            return
        for task in self._describe(self._cluster, arns):
            if run := self._run_of(task):
                yield self._handle(run, task["taskArn"], task.get("createdAt") or self._clock())

    # what they are made of

    @property
    def _ecs(self) -> Any:
        return self.clients.client("ecs")

    @property
    def _cluster(self) -> str:
        return self.cloud.cluster or self._names.base

    def _newest(self, family: str) -> tuple[int, dict[str, str]] | None:
        """The newest active revision and its tags."""
        try:
            with translated(f"looking at the task definition {family}"):
                answer = self._ecs.describe_task_definition(taskDefinition=family, include=["TAGS"])
        except NotFound:
            return None
        found = answer["taskDefinition"]
        return (found["revision"], _tags(answer)) if found["status"] == "ACTIVE" else None

    def _run_task(self, spec: RunSpec) -> str:
        hint = f"run `al push -E {self._context.environment.name}` first"
        try:
            with translated(f"launching {spec.run}", hints={"NotFound": hint}):
                answer = self._ecs.run_task(**self._run_request(spec))
        except AlError as error:
            if (ours := ends.refused(error)) is error:
                raise
            raise ours from error
        if not answer.get("tasks"):
            raise ends.not_launched(spec.run, answer.get("failures", []))
        return str(answer["tasks"][0]["taskArn"])

    def _run_request(self, spec: RunSpec) -> dict[str, Any]:
        environment = {"AL_RUN_ID": str(spec.run), "AL_SECRET": spec.lease.ref.name}
        container = {"name": ends.CONTAINER, "environment": tag_list(environment, key="name")}
        overrides = {"containerOverrides": [container]}
        if (size := len(json.dumps(overrides))) > OVERRIDES:
            raise LimitExceeded(
                f"launching {spec.run}: its overrides have {size} characters, ECS takes {OVERRIDES}",
                hint="pass what is large in the run's secret",
            )
        return {
            "cluster": self._cluster,
            # with its revision: a bare family would run whatever is newest by then
            "taskDefinition": spec.definition.removesuffix(_ON_SPOT),
            "count": 1,
            **_capacity(spec.definition),
            "clientToken": _token(spec),
            "startedBy": str(spec.run),
            "tags": tag_list(self._names.tags(agent=spec.agent, run=spec.run)),
            "networkConfiguration": {"awsvpcConfiguration": self._network},
            "overrides": overrides,
        }

    @cached_property
    def _network(self) -> dict[str, Any]:
        return task_network(self.clients, self._names)

    def _describe(self, cluster: str, arns: Sequence[str]) -> Iterator[Mapping[str, Any]]:
        """Tasks that ECS still knows.  It forgets a stopped one after an hour or so, and says so in `failures`."""
        for start in range(0, len(arns), BATCH):
            try:
                with translated("looking at the tasks"):
                    answer = self._ecs.describe_tasks(
                        cluster=cluster, tasks=list(arns[start : start + BATCH]), include=["TAGS"]
                    )
            except NotFound:  # the cluster is gone, and its tasks with it
                return
            yield from answer["tasks"]

    def _run_of(self, task: Mapping[str, Any]) -> RunId | None:
        """The run that a task is, when it is ours.  StopTask deletes tags, so `startedBy` says it too."""
        tags = _tags(task)
        started_by = task.get("startedBy", "")
        if tags and not self._names.owns(tags):
            return None
        try:
            run = RunId.parse(tags.get("al:run") or started_by)
        except AlError:
            return None
        family = task["taskDefinitionArn"].rsplit("/", 1)[-1].rsplit(":", 1)[0]
        return run if family == self._names.family(run.agent) else None

    def _handle(self, run: RunId, task_arn: str, launched: datetime) -> RunHandle:
        task = task_arn.rsplit("/", 1)[-1]
        ids = {
            "task_arn": task_arn,
            "cluster": self._cluster,
            "log_group": self._names.ecs_log_group,
            "log_stream": f"{run.agent}/{ends.CONTAINER}/{task}",
            "launched": str(int(launched.timestamp() * 1000)),
            **pages.of_task(self.cloud, self._cluster, task_arn),
        }
        return RunHandle(runtime="ecs_fargate", run=run, agent=run.agent, ids=ids)

    def _reader(self, handle: RunHandle) -> Reader:
        return Reader(logs=self.clients.client("logs"), run=str(handle.run))

    def _search(
        self, handle: RunHandle, *, since: int = 0, before: int | None = None
    ) -> Iterator[LogEvent]:
        """The lines of a run whose launcher died with its task's name: every line of ours names the run."""
        run, begin = str(handle.run), max(since, earliest(handle))
        reader = replace(self._reader(handle), mine=mine(run))
        return reader.search(self._names.ecs_log_group, (run,), since=begin, before=before)


_ON_SPOT = "@spot"


def _token(spec: RunSpec) -> str:
    """One task per run; ECS answers a token that it knows with the task that it started, also when that has failed."""
    mark = hashlib.sha256(spec.lease.ref.name.encode()).hexdigest()[:8]
    return shorten(f"{spec.run}.{mark}" if spec.again else spec.run, TOKEN)


def _capacity(definition: str) -> dict[str, Any]:
    """What a task runs on.  A launch type and a capacity provider exclude each other (API reference, RunTask)."""
    if not definition.endswith(_ON_SPOT):
        return {"launchType": "FARGATE"}
    return {"capacityProviderStrategy": [{"capacityProvider": wanted.SPOT, "weight": 1}]}


_UNSEEN = RunStatus(state=RunState.STARTING, reason="launched; ECS does not list it yet")


def _tags(answer: Mapping[str, Any]) -> dict[str, str]:
    return {tag["key"]: tag["value"] for tag in answer.get("tags", ())}


def _hash(item: Item) -> str:
    text = json.dumps([item.attributes, item.tags], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _launched_before(error: Conflict) -> str:
    """The task that has this run's clientToken already: launching it again must not start another."""
    response: Mapping[str, Any] = getattr(error.__cause__, "response", {})
    known = response.get("resourceIds") or []
    if not known:
        raise error
    return str(known[0])


PLUGIN = EcsFargate
