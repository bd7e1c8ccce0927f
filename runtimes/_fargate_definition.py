"""What Fargate is asked to run: the task definition of one version of an agent, and what its roles may do.  Pure.

Nothing in it is particular to a run, and no secret (D1): a run brings its id and the name of its secret.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from toolkit.clouds.aws import arn, check_image, role_arn
from toolkit.clouds.aws_runs import run_environment, run_grants
from toolkit.core.agent import Agent
from toolkit.core.aws_limits import MOST_SECURITY_GROUPS, MOST_SUBNETS
from toolkit.core.environment import AwsCloud
from toolkit.core.errors import ConfigError, LimitExceeded
from toolkit.core.names import Names
from toolkit.core.plan import Grant, Item
from toolkit.core.ports import Context, Limits

from . import _fargate_sizes as sizes
from ._fargate_ends import CONTAINER

LIMITS = Limits(timeout=None, credentials_path="/credentials", writable=("/tmp",))  # noqa: S108 - the platform's

# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-quotas.html
DEFINITION_BYTES = 64 * 1024
# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RuntimePlatform.html
ARCHITECTURES: Mapping[str, str] = {"x86_64": "X86_64", "arm64": "ARM64"}
SPOT = "FARGATE_SPOT"  # the capacity provider; both architectures have it, on the platform version that LATEST is
STOP_SECONDS = 60  # between SIGTERM and SIGKILL; Fargate allows 120

# Fargate has no tmpfs; a volume keeps the owner that the image's VOLUME gives the directory
# (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/bind-mounts.html)
_VOLUMES = {"tmp": LIMITS.writable[0], "credentials": LIMITS.credentials_path}
_NAME = re.compile(r"[A-Za-z0-9_-]{1,255}")


def refusals(names: Names, cloud: AwsCloud, agent: Agent) -> list[str]:
    """What of the agent's and the environment's settings ECS would refuse."""
    family = names.family(agent.name)
    found = (
        sizes.refusal(agent.cpus, agent.memory),
        None
        if _NAME.fullmatch(family)
        else f"{family!r} is no ECS name: use letters, digits, - and _",
        _too_many("subnets", cloud.subnets, MOST_SUBNETS),
        _too_many("security groups", cloud.security_groups, MOST_SECURITY_GROUPS),
    )
    return [sentence for sentence in found if sentence]


def definition(context: Context, cloud: AwsCloud, agent: Agent, image: str) -> Item:
    """The RegisterTaskDefinition request and, for one on Spot, the `capacityProvider` of its tasks.

    Raises ConfigError for a size that Fargate lacks or a wrong image.
    """
    check_image(cloud, image)
    if sentence := sizes.refusal(agent.cpus, agent.memory):
        raise ConfigError(sentence, hint=f"change cpus or memory of agent {agent.name}")
    units, amount = sizes.chosen(agent.cpus, agent.memory)
    family = context.names.family(agent.name)
    request: dict[str, Any] = {
        "family": family,
        "requiresCompatibilities": ["FARGATE"],
        "networkMode": "awsvpc",
        "cpu": str(units),
        "memory": str(amount),
        "runtimePlatform": {
            "cpuArchitecture": ARCHITECTURES[agent.arch],
            "operatingSystemFamily": "LINUX",
        },
        "executionRoleArn": role(context.names, cloud, agent.name, "execution"),
        "taskRoleArn": role(context.names, cloud, agent.name, "task"),
        "volumes": [{"name": name} for name in _VOLUMES],
        "containerDefinitions": [_container(context, cloud, agent, image)],
    }
    _check_size(request)
    if agent.spot:
        request["capacityProvider"] = SPOT
    tags = context.names.tags(agent=agent.name)
    return Item(kind="task_definition", name=family, attributes=request, tags=tags)


def grants(names: Names, cloud: AwsCloud, agent: Agent) -> tuple[Grant, ...]:
    streams = f"log-group:{names.ecs_log_group}:log-stream:{agent.name}/*"
    repository = f"repository/{names.repository(agent.name)}"
    return (
        Grant(
            role="execution",
            actions=("ecr:GetAuthorizationToken",),
            resources=("*",),
            reason="logging in to the registry; the action knows no resource",
        ),
        Grant(
            role="execution",
            actions=(
                "ecr:BatchCheckLayerAvailability",
                "ecr:BatchGetImage",
                "ecr:GetDownloadUrlForLayer",
            ),
            resources=(arn(cloud, "ecr", repository),),
            reason="pulling the agent's own image",
        ),
        Grant(
            role="execution",
            actions=("logs:CreateLogStream", "logs:PutLogEvents"),
            resources=(arn(cloud, "logs", streams),),
            reason="writing what the agent prints",
        ),
        *run_grants(names, cloud, agent.name, role="task"),
    )


def role(names: Names, cloud: AwsCloud, agent: str, purpose: str) -> str:
    """The ARN of the role for `purpose`, execution or task: one that the user brings, else the agent's own."""
    return role_arn(cloud, cloud.brought_role(agent, purpose), names.role(agent, purpose))


def _container(context: Context, cloud: AwsCloud, agent: Agent, image: str) -> dict[str, Any]:
    environment = run_environment(context, cloud, agent.name, "ecs_fargate", LIMITS)
    return {
        "name": CONTAINER,
        "image": image,
        "essential": True,
        "user": "1000:1000",
        "readonlyRootFilesystem": True,
        "linuxParameters": {"initProcessEnabled": True, "capabilities": {"drop": ["ALL"]}},
        "stopTimeout": STOP_SECONDS,
        "mountPoints": [
            {"sourceVolume": name, "containerPath": path} for name, path in _VOLUMES.items()
        ],
        "environment": [{"name": name, "value": value} for name, value in environment.items()],
        "logConfiguration": {
            "logDriver": "awslogs",
            "options": {
                "awslogs-group": context.names.ecs_log_group,
                "awslogs-region": cloud.region,
                "awslogs-stream-prefix": agent.name,
                # said aloud, since the default loses lines when an agent prints faster than they are sent
                "mode": "blocking",
            },
        },
    }


def _too_many(what: str, named: Sequence[str], most: int) -> str | None:
    if len(named) <= most:
        return None
    return f"the environment names {len(named)} {what}, Fargate takes {most}"


def _check_size(request: Mapping[str, Any]) -> None:
    if (size := len(json.dumps(request).encode())) > DEFINITION_BYTES:
        raise LimitExceeded(
            f"the task definition has {size} bytes, ECS takes {DEFINITION_BYTES}",
            hint="shorten the names in the environment's file: nothing else in it can be so long",
        )
