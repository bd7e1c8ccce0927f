"""Fargate tasks that are not over: one item for each agent that has some, so that all are stopped before any is
waited for.

StopTask deletes a task's tags, so `startedBy`, which is the run's id, says whose it is, too
(https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_StopTask.html).
"""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from toolkit.clouds.aws import translated
from toolkit.core.errors import AccessDenied, AlError, NotFound
from toolkit.core.plan import Item
from toolkit.core.run import RunId

from .account import Account, mapping

BATCH = 100  # tasks in one DescribeTasks
# a container has up to 120 s to end (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_definition_parameters.html),
# and its network interface is taken away after that
STOP_SECONDS = 300.0
Task = Mapping[str, Any]


class Tasks:
    kind = "task"

    def __init__(self, account: Account) -> None:
        self._account = account

    def observe(self) -> Iterator[Item]:
        """`<cluster>/<agent>` with the ids of its tasks; `<cluster>/<id>` for a stranger's in our own cluster."""
        for cluster in self._clusters():
            ours: dict[str, list[str]] = {}
            for task in self._live(cluster):
                agent = self._agent(task)
                if agent:
                    ours.setdefault(agent, []).append(_id(task))
                elif cluster == self._account.names.base:
                    yield Item(
                        kind=self.kind, name=f"{cluster}/{_id(task)}", tags=_tags(task) or {}
                    )
            for agent, ids in ours.items():
                yield Item(
                    kind=self.kind,
                    name=f"{cluster}/{agent}",
                    attributes={"tasks": ids},
                    tags=self._account.names.tags(agent=agent),
                )

    def remove(self, item: Item) -> None:
        """Stop them, and wait until they have stopped."""
        cluster, _, agent = item.name.partition("/")
        live = self._live(cluster)
        ours = [task for task in live if self._agent(task) == agent]
        named = (agent, self._account.names.family(agent))
        theirs = [task for task in live if _id(task) in named or _family(task) in named]
        if theirs and not ours:
            self._account.refuse_foreign(item, _tags(theirs[0]))
        for task in ours:
            if _to_run(task):
                self._account.patiently(partial(self._stop, cluster, task["taskArn"]))
        self._account.until_gone(item, partial(self._of, cluster, agent), seconds=STOP_SECONDS)

    @property
    def _ecs(self) -> Any:
        return self._account.client("ecs")

    def _clusters(self) -> list[str]:
        """Ours, and the user's own, where the environment names one."""
        named = self._account.clients.cloud.cluster
        return list(dict.fromkeys([self._account.names.base, *([named] if named else [])]))

    def _of(self, cluster: str, agent: str) -> list[Task]:
        return [task for task in self._live(cluster) if self._agent(task) == agent]

    def _live(self, cluster: str) -> list[Task]:
        """Tasks that have not stopped, those that are told to stop included."""
        return [
            task
            for task in self._account.patiently(partial(self._listed, cluster))
            if task["lastStatus"] != "STOPPED"
        ]

    def _listed(self, cluster: str) -> list[Task]:
        try:
            with translated(f"listing the tasks in {cluster}"):
                arns = [
                    one
                    for status in ("RUNNING", "STOPPED")
                    for page in self._ecs.get_paginator("list_tasks").paginate(
                        cluster=cluster, desiredStatus=status
                    )
                    for one in page["taskArns"]
                ]
                return [
                    task
                    for start in range(0, len(arns), BATCH)
                    for task in self._ecs.describe_tasks(
                        cluster=cluster, tasks=arns[start : start + BATCH], include=["TAGS"]
                    )["tasks"]
                ]
        except NotFound:
            return []

    def _agent(self, task: Task) -> str | None:
        """Whose run it is, or None when it is not ours."""
        tags, names = _tags(task), self._account.names
        if tags:
            return tags.get("al:agent") if names.owns(tags) else None
        try:
            run = RunId.parse(task.get("startedBy") or "")
        except AlError:
            return None
        return str(run.agent) if _family(task) == names.family(run.agent) else None

    def _stop(self, cluster: str, task: str) -> None:
        try:
            with translated(f"stopping the task {task}"):
                self._ecs.stop_task(cluster=cluster, task=task, reason="al teardown")
        except NotFound:
            return
        except AccessDenied:
            # stopped a moment ago by somebody else, it has lost the tags that the operator's policy asks for
            if any(t["taskArn"] == task and _to_run(t) for t in self._live(cluster)):
                raise


def _to_run(task: Task) -> bool:
    return task.get("desiredStatus") != "STOPPED"


def _id(task: Task) -> str:
    return str(task["taskArn"]).rsplit("/", 1)[-1]


def _family(task: Task) -> str:
    return str(task["taskDefinitionArn"]).rsplit("/", 1)[-1].rsplit(":", 1)[0]


def _tags(task: Task) -> dict[str, str]:
    return mapping(task.get("tags", ()), "key", "value")
