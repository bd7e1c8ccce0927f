"""What the gateway's role may: start, watch and end the environment's runs, and show them.  Pure.

It is the scheduler of the environment, so it may do what `al run` does, on what is the environment's: named one by one
as long as IAM takes the document, and else by the beginning that all names of the environment have.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from toolkit.clouds.aws import ECS_TASKS, arn, role_arn
from toolkit.core.agent import Agent, CredentialRef
from toolkit.core.environment import AwsCloud
from toolkit.core.names import GATEWAY, Names
from toolkit.core.plan import Grant

Deployed = tuple[
    Agent, str, tuple[Grant, ...]
]  # the agent, its runtime's name, what its runs may touch
Needed = tuple[CredentialRef, tuple[str, ...]]  # a credential and the fields of its type

FARGATE, LAMBDA = "ecs_fargate", "aws_lambda"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """Whose runs the gateway starts.  `by_name`: each agent is named; else all by the beginning of their names, and
    by their tags where the action knows them."""

    cloud: AwsCloud
    names: Names
    agents: Sequence[Deployed] = ()
    credentials: Sequence[Needed] = ()
    by_name: bool = True

    def grants(self) -> Iterator[Grant]:
        """Everything."""
        yield from self._showing()
        yield from self._records()
        yield from self._secrets()
        yield from self._functions()
        if self._on(FARGATE):
            yield from self._tasks()

    def _on(self, runtime: str) -> list[str]:
        return [agent.name for agent, name, _ in self.agents if name == runtime]

    def _arn(self, service: str, *resources: str) -> tuple[str, ...]:
        return tuple(arn(self.cloud, service, resource) for resource in resources)

    def _showing(self) -> Iterator[Grant]:
        """The logs are those of every agent that the environment has had: runs outlive agents, and so do their logs."""
        names = self.names
        groups = [
            f"log-group:{group}:*" for group in (names.ecs_log_group, names.lambda_log_groups)
        ]
        read = _of("logs", "DescribeLogStreams FilterLogEvents GetLogEvents")
        yield _grant("read logs of runs", self._arn("logs", *groups), *read)
        own = self._arn("logs", f"log-group:{names.lambda_log_group(GATEWAY)}:*")
        yield _grant("write its own log", own, *_of("logs", "CreateLogStream PutLogEvents"))

    def _records(self) -> Iterator[Grant]:
        """Runs, the queue, locks, calls and deliveries: all in one table."""
        actions = "BatchGetItem ConditionCheckItem DeleteItem GetItem PutItem Query UpdateItem"
        table = self._arn("dynamodb", f"table/{self.names.table}")
        yield _grant("runs and their queue", table, *_of("dynamodb", actions))

    def _secrets(self) -> Iterator[Grant]:
        """It reads what its agents declare, and makes of it the secrets of their runs, which it cannot read."""
        value = "secretsmanager:GetSecretValue"
        read = self._arn("secretsmanager", *sorted(self._readable()))
        yield _grant("credentials of runs", read, value)
        runs = self._arn("secretsmanager", f"secret:{self.names.secrets}runs/*")
        make = _of("secretsmanager", "CreateSecret TagResource")
        yield _grant("secrets of runs", runs, *make, conditions=self._tagged("aws:RequestTag"))
        end = _of("secretsmanager", "DeleteSecret DescribeSecret")
        yield _grant("ends of secrets of runs", runs, *end)
        yield _grant("secrets that were left", ("*",), "secretsmanager:ListSecrets")

    def _readable(self) -> set[str]:
        """Six characters follow every secret's name, new at each creation
        (https://docs.aws.amazon.com/secretsmanager/latest/userguide/troubleshoot.html)."""
        if not self.by_name:
            return {
                f"secret:{self.names.secrets}{r.type}/{r.instance}/*" for r, _ in self.credentials
            }
        return {
            f"secret:{self.names.credential(ref, field)}-??????"
            for ref, fields in self.credentials
            for field in fields
        }

    def _functions(self) -> Iterator[Grant]:
        """Runs are versions of functions; itself it calls to go on with what it has accepted."""
        invoke, own = "lambda:InvokeFunction", f"function:{self.names.function(GATEWAY)}"
        yield _grant("go on after an answer", self._arn("lambda", own), invoke)
        agents = self._on(LAMBDA)
        versions = [f"function:{self.names.function(agent)}:*" for agent in agents]
        if agents and not self.by_name:
            versions = [f"function:{self.names.beginning(64)}*"]
        if agents:
            yield _grant(
                "runs on Lambda", self._arn("lambda", *versions), invoke, conditions=self._ours
            )

    def _tasks(self) -> Iterator[Grant]:
        cluster = self.cloud.cluster or self.names.base
        here = {"ArnEquals": {"ecs:cluster": arn(self.cloud, "ecs", f"cluster/{cluster}")}}
        families = [f"task-definition/{self.names.family(a)}:*" for a in self._on(FARGATE)]
        if not self.by_name:
            families = [f"task-definition/{self.names.beginning(255)}*"]
        run = {**here, **self._ours}
        yield _grant("runs on Fargate", self._arn("ecs", *families), "ecs:RunTask", conditions=run)
        tasks = self._arn("ecs", f"task/{cluster}/*")
        new = self._tagged("aws:RequestTag")["StringEquals"] | {"ecs:CreateAction": "RunTask"}
        tag = {"StringEquals": new}
        yield _grant("tags of new tasks", tasks, "ecs:TagResource", conditions=tag)
        yield _grant("look at tasks", tasks, "ecs:DescribeTasks")
        mine = self._tagged("aws:ResourceTag")
        yield _grant("stop tasks", tasks, "ecs:StopTask", conditions=mine)
        yield _grant("find tasks", ("*",), "ecs:ListTasks", conditions=here)
        to = {"StringEquals": {"iam:PassedToService": ECS_TASKS}}
        yield _grant("hand roles to tasks", self._roles(), "iam:PassRole", conditions=to)
        seen = _of("ec2", "DescribeSecurityGroups DescribeSubnets DescribeVpcs")
        yield _grant("networks of tasks", ("*",), *seen)

    def _roles(self) -> tuple[str, ...]:
        """Of the agents on Fargate; those that the user brings are always named."""
        cloud, ours = self.cloud, f"role/{self.names.beginning(64)}*"
        pairs = [(agent, kind) for agent in self._on(FARGATE) for kind in ("task", "execution")]
        brought = [role_arn(cloud, cloud.brought_role(*pair), "") for pair in pairs
                   if cloud.brought_role(*pair)]  # fmt: skip
        own = [f"role/{self.names.role(*pair)}" for pair in pairs if not cloud.brought_role(*pair)]
        made = own if self.by_name or not own else [ours]
        return (*self._arn("iam", *made), *dict.fromkeys(brought))

    @property
    def _ours(self) -> Mapping[str, Mapping[str, Any]]:
        """Names alone may be another environment's, too; who is named needs no tags."""
        return {} if self.by_name else self._tagged("aws:ResourceTag")

    def _tagged(self, key: str) -> dict[str, dict[str, str]]:
        tags = self.names.tags()
        return {"StringEquals": {f"{key}/{n}": tags[n] for n in ("al:project", "al:environment")}}


def _grant(
    reason: str,
    resources: tuple[str, ...],
    *actions: str,
    conditions: Mapping[str, Mapping[str, Any]] | None = None,
) -> Grant:
    return Grant(
        role="lambda",
        reason=reason,
        resources=resources,
        actions=actions,
        conditions=conditions or {},
    )


def _of(service: str, operations: str) -> tuple[str, ...]:
    return tuple(f"{service}:{one}" for one in operations.split())
