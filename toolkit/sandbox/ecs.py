"""ECS as moto has it, with tasks that run: RunTask, StopTask and what DescribeTasks says of them.

API reference: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html and its neighbours.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from .calls import Answer, Call, Refusal, encode
from .handlers import Ask, Handler
from .host import Host
from .roles import ECS
from .tasks import RunningTask


class Ecs:
    """The operations of ECS that need more than moto."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._tokens: dict[tuple[str, str], tuple[str, list[Any]]] = {}  # -> request, tasks
        self._unseen: dict[str, int] = {}  # task -> describe calls that still answer MISSING

    def handlers(self) -> Mapping[tuple[str, str], Handler]:
        return {
            ("ecs", "RunTask"): self.run_task,
            ("ecs", "StopTask"): self.stop_task,
            ("ecs", "DescribeTasks"): self.describe_tasks,
            ("ecs", "DeleteCluster"): self.delete_cluster,
        }

    def run_task(self, call: Call, _: Ask) -> Answer:
        """One token starts one task: the same request again gets the same tasks, another one ConflictException."""
        asked = call.parameters
        token = asked.get("clientToken")
        key, request = (asked.get("cluster") or "default", token or ""), _fingerprint(asked)
        if failure := self._injected(call):
            return encode(call, failure)
        with self._host.cloud.lock:
            if token and key in self._tokens:
                return encode(call, self._repeated(key, request))
            tasks = self._started(call)
            if token:
                self._tokens[key] = (request, tasks)
            answer = encode(call, {"tasks": tasks, "failures": []})
        for task in tasks:
            self._host.tasks[task.task_arn].start()
        return answer

    def _injected(self, call: Call) -> dict[str, Any] | None:
        """RunTask's two ways of not starting anything: an exception, and an answer with failures."""
        wanted = self._host.settings().start_failure
        if wanted == "throttled":
            raise Refusal("ThrottlingException", "Rate exceeded.")
        if wanted != "refused":
            return None
        arn = f"arn:aws:ecs:{call.region}:{self._host.cloud.account}:task-definition/unplaced"
        reason = "Capacity is unavailable at this time. Please try again later or in a different availability zone"
        return {"tasks": [], "failures": [{"arn": arn, "reason": reason}]}

    def _repeated(self, key: tuple[str, str], request: str) -> dict[str, Any]:
        known, tasks = self._tokens[key]
        if known != request:
            raise Refusal(
                "ConflictException",
                "The clientToken was used for another request.",
                resourceIds=[task.task_arn for task in tasks],
            )
        return {"tasks": tasks, "failures": []}

    def _started(self, call: Call) -> list[Any]:
        asked = call.parameters
        network = asked.get("networkConfiguration")
        if network and network.get("awsvpcConfiguration"):
            # optional in reality: the VPC's default group is taken
            network["awsvpcConfiguration"].setdefault("securityGroups", [])
        with self._host.cloud.backend("ecs", call.region) as backend:
            definition = self._definition(backend, asked["taskDefinition"])
            self._check_roles(asked.get("overrides") or {}, definition)
            tasks: list[Any] = backend.run_task(
                asked.get("cluster") or "default",
                asked["taskDefinition"],
                asked.get("count", 1),
                asked.get("overrides"),
                asked.get("startedBy"),
                asked.get("tags"),
                asked.get("launchType"),
                network,
                asked.get("group"),
                asked.get("platformVersion"),
                asked.get("capacityProviderStrategy"),
            )
        for task in tasks:
            self._adopt(task, definition)
        return tasks

    def _definition(self, backend: Any, reference: str) -> dict[str, Any]:
        found = backend.describe_task_definition(reference)
        if found.status != "ACTIVE":
            raise Refusal("ClientException", "TaskDefinition is inactive")
        return {
            "containerDefinitions": found.container_definitions,
            "taskRoleArn": found.task_role_arn,
            "executionRoleArn": found.execution_role_arn,
            "cpu": found.cpu,
            "memory": found.memory,
        }

    def _check_roles(self, overrides: Mapping[str, Any], definition: Mapping[str, Any]) -> None:
        for purpose in ("taskRoleArn", "executionRoleArn"):
            role = overrides.get(purpose) or definition.get(purpose)
            source = f"arn:aws:ecs:{self._host.cloud.region}:{self._host.cloud.account}:*"
            if role and not self._host.roles.trusts(role, ECS, source):
                raise Refusal(
                    "ClientException",
                    f"ECS was unable to assume the role '{role}' that was provided for this task. Please verify that "
                    "the role being passed has the proper trust relationship and permissions and that your IAM user "
                    "has permissions to pass this role.",
                )

    def _adopt(self, task: Any, definition: Mapping[str, Any]) -> None:
        task.cpu = (task.overrides or {}).get("cpu") or definition["cpu"]
        task.memory = (task.overrides or {}).get("memory") or definition["memory"]
        task.platform_family, task.version = "Linux", 1
        task.platform_version = "1.4.0"
        if missing := self._host.settings().missing_calls:
            self._unseen[task.task_arn] = missing
        self._host.tasks[task.task_arn] = RunningTask(self._host, task, definition)

    def stop_task(self, call: Call, _: Ask) -> Answer:
        """Stopping one that is over changes nothing; its tags go in any case (API reference, StopTask)."""
        asked = call.parameters
        with self._host.cloud.backend("ecs", call.region) as backend:
            cluster = backend._get_cluster(asked.get("cluster") or "default")  # noqa: SLF001 - moto's only way
            known = backend.tasks.get(cluster.name, {})
            task = next((t for arn, t in known.items() if _same(arn, asked["task"])), None)
            if task is None:
                raise Refusal("InvalidParameterException", "The referenced task was not found.")
            if running := self._host.tasks.get(task.task_arn):
                running.stop(asked.get("reason") or "Task stopped by user")
            task.tags = []
            return encode(call, {"task": task})

    def describe_tasks(self, call: Call, ask: Ask) -> Answer:
        """A task that is not known, or not yet, is a failure in the answer, not an error (API failure reasons)."""
        wanted = call.parameters.get("tasks") or []
        answer = ask()
        if not answer.ok:
            return answer
        found = answer.json()
        hidden = {arn for arn in list(self._unseen) if self._is_hidden(arn, wanted)}
        found["tasks"] = [t for t in found["tasks"] if t["taskArn"] not in hidden]
        seen = [t["taskArn"] for t in found["tasks"]]
        found["failures"] = [
            {"arn": self._arn(call, name), "reason": "MISSING"}
            for name in wanted
            if not any(_same(arn, name) for arn in seen)
        ]
        return answer.replaced(found)

    def _is_hidden(self, arn: str, wanted: list[str]) -> bool:
        if not any(_same(arn, name) for name in wanted):
            return False
        self._unseen[arn] -= 1
        if self._unseen[arn] < 0:
            del self._unseen[arn]
            return False
        return True

    def _arn(self, call: Call, name: str) -> str:
        if name.startswith("arn:"):
            return name
        cluster = (call.parameters.get("cluster") or "default").rpartition("/")[2]
        return f"arn:aws:ecs:{call.region}:{self._host.cloud.account}:task/{cluster}/{name}"

    def delete_cluster(self, call: Call, ask: Ask) -> Answer:
        """Refused while it has tasks (API reference, DeleteCluster)."""
        name = call.parameters["cluster"].rpartition("/")[2]
        if any(f":task/{name}/" in arn for arn in list(self._host.tasks)):
            raise Refusal(
                "ClusterContainsTasksException",
                "The Cluster cannot be deleted while Tasks are active.",
            )
        return ask()


def _same(arn: str, name: str) -> bool:
    return arn.rpartition("/")[2] == name.rpartition("/")[2]


def _fingerprint(parameters: Mapping[str, Any]) -> str:
    text = json.dumps(parameters, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()
