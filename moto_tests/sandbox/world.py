"""Shorter words for the things of these tests: a task that runs a program, a function, what either printed."""

import json
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from .programs import PYTHON

GROUP = "/ecs/tests"


def eventually(look: Callable[[], Any], seconds: float = 30.0) -> Any:
    """The first true answer; fails when there is none in time."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, "nothing came of it in time"
        time.sleep(0.02)
    return found


def make_role(iam: Any, name: str, service: str, *allowed: dict[str, Any]) -> str:
    """A role that the service may assume; its ARN.  `allowed` are statements, everything when there are none."""
    trust = {"Effect": "Allow", "Principal": {"Service": f"{service}.amazonaws.com"}}
    with suppress(iam.exceptions.EntityAlreadyExistsException):
        document = _document({**trust, "Action": "sts:AssumeRole"})
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)
    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    policy = _document(*({"Effect": "Allow", **s} for s in allowed or (everything,)))
    iam.put_role_policy(RoleName=name, PolicyName="tests", PolicyDocument=policy)
    return str(iam.get_role(RoleName=name)["Role"]["Arn"])


def _document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


@dataclass
class World:
    """One sandbox seen through its clients."""

    client: Callable[..., Any]
    image: Callable[..., str]
    role: Callable[..., str]

    def ready(self) -> "World":
        logs, ecs = self.client("logs"), self.client("ecs")
        with suppress(logs.exceptions.ResourceAlreadyExistsException):
            logs.create_log_group(logGroupName=GROUP)
        ecs.create_cluster(clusterName="tests")
        return self

    # tasks

    def container(self, image: str, **more: Any) -> dict[str, Any]:
        options = {
            "awslogs-group": GROUP,
            "awslogs-region": "us-east-1",
            "awslogs-stream-prefix": "t",
        }
        return {
            "name": "agent",
            "image": image,
            "logConfiguration": {"logDriver": "awslogs", "options": options},
            **more,
        }

    def definition(self, image: str, *, family: str = "program", **more: Any) -> dict[str, Any]:
        """The request of a task definition with one container; `container` adds to that."""
        role = self.role("tests-task", "ecs-tasks")
        container = self.container(image, **more.pop("container", {}))
        return {
            "family": family,
            "networkMode": "awsvpc",
            "requiresCompatibilities": ["FARGATE"],
            "cpu": "256",
            "memory": "512",
            "taskRoleArn": role,
            "executionRoleArn": role,
            "containerDefinitions": [container],
            **more,
        }

    def program(self, text: str, **more: Any) -> str:
        """Push an image with this program and register a task definition for it; its ARN."""
        image = self.image("tests/program", {"app/main.py": text}, **PYTHON)
        asked = self.definition(image, **more)
        made = self.client("ecs").register_task_definition(**asked)
        return str(made["taskDefinition"]["taskDefinitionArn"])

    def network(self) -> dict[str, Any]:
        subnet = self.client("ec2").describe_subnets()["Subnets"][0]["SubnetId"]
        return {"awsvpcConfiguration": {"subnets": [subnet]}}

    def run(
        self, definition: str, env: Mapping[str, str] | None = None, **more: Any
    ) -> dict[str, Any]:
        """RunTask's answer."""
        pairs = [{"name": name, "value": value} for name, value in (env or {}).items()]
        overrides = {"containerOverrides": [{"name": "agent", "environment": pairs}]}
        return dict(
            self.client("ecs").run_task(
                **{
                    "cluster": "tests",
                    "taskDefinition": definition,
                    "launchType": "FARGATE",
                    "networkConfiguration": self.network(),
                    "overrides": overrides,
                    **more,
                }
            )
        )

    def task(self, arn: str) -> dict[str, Any]:
        return dict(self.client("ecs").describe_tasks(cluster="tests", tasks=[arn])["tasks"][0])

    def stopped(self, arn: str) -> dict[str, Any]:
        """The task, once it has stopped."""
        return dict(
            eventually(lambda: (task := self.task(arn))["lastStatus"] == "STOPPED" and task)
        )

    def lines(self, arn: str) -> list[str]:
        stream = f"t/agent/{arn.rpartition('/')[2]}"
        return self.events(GROUP, stream)

    def events(self, group: str, stream: str) -> list[str]:
        logs = self.client("logs")
        try:
            found = logs.get_log_events(
                logGroupName=group, logStreamName=stream, startFromHead=True
            )
        except logs.exceptions.ResourceNotFoundException:
            return []
        return [event["message"] for event in found["events"]]

    def finished(
        self, text: str, env: Mapping[str, str] | None = None, **more: Any
    ) -> tuple[dict[str, Any], list[str]]:
        """Run a program to its end: (the stopped task, its lines)."""
        arn = self.run(self.program(text, **more), env)["tasks"][0]["taskArn"]
        return self.stopped(arn), self.lines(arn)
