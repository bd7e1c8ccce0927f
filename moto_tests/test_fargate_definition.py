"""What Fargate is asked to run: sizes that exist, a confined container, roles that reach little, one revision."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from moto_tests.given import (
    ACCOUNT,
    IMAGE,
    OTHER_IMAGE,
    REGION,
    agent,
    with_cloud,
)
from runtimes import _fargate_sizes as sizes
from runtimes.ecs_fargate import EcsFargate
from toolkit.clouds.aws import Clients
from toolkit.core.errors import (
    ConfigError,
    LimitExceeded,
)
from toolkit.core.ports import Context
from toolkit.core.units import GIB, MIB


def ecs(fargate: EcsFargate) -> Any:
    return fargate.clients.client("ecs")


@pytest.mark.parametrize(
    ("cpus", "memory", "expected"),
    [
        (None, None, (2048, 4096)),
        (0.25, 512 * MIB, (256, 512)),
        (None, 512 * MIB, (256, 512)),
        (None, 2 * GIB, (1024, 2048)),
        (None, 8 * GIB, (2048, 8192)),
        (None, 30 * GIB, (4096, 30720)),
        (1, None, (1024, 4096)),
        (4, None, (4096, 8192)),
        (0.25, None, (256, 2048)),
        (16, 120 * GIB, (16384, 122880)),
    ],
)
def test_a_size_is_what_was_asked_for_and_the_rest_fits(
    cpus: float | None, memory: int | None, expected: tuple[int, int]
) -> None:
    """What the user left open is chosen so that Fargate has the pair: 2 vCPU and 4096 MiB when nothing is said."""
    assert sizes.chosen(cpus, memory) == expected
    assert sizes.refusal(cpus, memory) is None


@pytest.mark.parametrize(
    ("cpus", "memory", "nearest"),
    [
        (0.5, 512 * MIB, "0.5 vCPU and 1024 MiB"),
        (0.25, 4 * GIB, "0.5 vCPU and 4096 MiB"),
        (3, 8 * GIB, "4 vCPU and 8192 MiB"),
        (2, 5000 * MIB, "2 vCPU and 5120 MiB"),
        (8, 17 * GIB, "8 vCPU and 20480 MiB"),
        (None, 200 * GIB, "16 vCPU and 122880 MiB"),
    ],
)
def test_a_size_that_fargate_lacks_is_refused_with_the_nearest(
    cpus: float | None, memory: int | None, nearest: str
) -> None:
    """Only certain pairs exist, else RegisterTaskDefinition says `No Fargate configuration exists`
    (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html)."""
    assert nearest in (sizes.refusal(cpus, memory) or "")


def test_the_refusal_lists_what_is_allowed(fargate: EcsFargate) -> None:
    """The reader sees the values to choose from."""
    assert fargate.check(agent(cpus=0.5, memory=512 * MIB)) == [
        "Fargate has no size of 0.5 vCPU and 512 MiB: with 0.5 vCPU it takes 1024, 2048, 3072, 4096 MiB; the nearest that gives both is 0.5 vCPU and 1024 MiB"
    ]
    assert "cpus is one of 0.25, 0.5, 1, 2, 4, 8, 16" in fargate.check(agent(cpus=3))[0]


def test_a_good_agent_is_not_refused(fargate: EcsFargate) -> None:
    """However long it may run: Fargate has no longest timeout."""
    assert fargate.check(agent(timeout=86_400)) == []


def test_names_and_network_are_checked(aws_context: Context) -> None:
    """Families have letters, digits, - and _; at most 16 subnets and 5 security groups
    (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-quotas.html)."""
    scope = replace(aws_context.environment.scope, project="my.shop")
    context = replace(aws_context, environment=replace(aws_context.environment, scope=scope))
    context = with_cloud(context, subnets=("s",) * 17, security_groups=("g",) * 6)
    assert EcsFargate(context).check(agent()) == [
        "'al-my.shop-staging-dev' is no ECS name: use letters, digits, - and _",
        "the environment names 17 subnets, Fargate takes 16",
        "the environment names 6 security groups, Fargate takes 5",
    ]


def test_the_definition_is_the_whole_request(fargate: EcsFargate) -> None:
    """Task-level cpu and memory and awsvpc, which Fargate insists on; no memory of the container, which it does not
    (API reference, RegisterTaskDefinition)."""
    item = fargate.definition(agent(), IMAGE)
    request = dict(item.attributes)
    assert (item.kind, item.name) == ("task_definition", "al-shop-staging-dev")
    assert (request["networkMode"], request["cpu"], request["memory"]) == ("awsvpc", "2048", "4096")
    assert request["taskRoleArn"] == f"arn:aws:iam::{ACCOUNT}:role/al-shop-staging-dev-task-role"
    assert "memory" not in request["containerDefinitions"][0]


def test_the_container_is_confined(fargate: EcsFargate) -> None:
    """Not root, nothing writable but the volumes, no capabilities, 60 s between SIGTERM and SIGKILL of the 120 that
    Fargate allows."""
    container = fargate.definition(agent(), IMAGE).attributes["containerDefinitions"][0]
    assert container["user"] == "1000:1000"
    assert container["readonlyRootFilesystem"] is True
    assert container["linuxParameters"]["capabilities"] == {"drop": ["ALL"]}
    assert [m["containerPath"] for m in container["mountPoints"]] == ["/tmp", "/credentials"]  # noqa: S108
    assert container["stopTimeout"] <= 120


def test_the_log_driver_loses_nothing(fargate: EcsFargate) -> None:
    """The driver's default mode drops lines when its buffer is full, so the mode is said; a stream prefix is
    required on Fargate (API reference, LogConfiguration)."""
    container = fargate.definition(agent(), IMAGE).attributes["containerDefinitions"][0]
    assert container["logConfiguration"]["options"] == {
        "awslogs-group": "/ecs/al-shop-staging",
        "awslogs-region": REGION,
        "awslogs-stream-prefix": "dev",
        "mode": "blocking",
    }


def test_the_definition_knows_no_run_and_no_secret(fargate: EcsFargate) -> None:
    """What differs between runs comes with the launch; secrets come from the store."""
    container = fargate.definition(agent(), IMAGE).attributes["containerDefinitions"][0]
    names = {variable["name"] for variable in container["environment"]}
    assert names.isdisjoint({"AL_RUN_ID", "AL_SECRET", "PROMPT", "GATEWAY_URL"})
    assert "secrets" not in container


def test_the_environments_own_roles_win(aws_context: Context) -> None:
    """A role that the environment's file names is used as it is."""
    context = with_cloud(aws_context, execution_role="arn:aws:iam::1:role/x", task_role="y")
    request = EcsFargate(context).definition(agent(), IMAGE).attributes
    assert request["executionRoleArn"] == "arn:aws:iam::1:role/x"
    assert request["taskRoleArn"] == f"arn:aws:iam::{ACCOUNT}:role/y"


def test_an_agent_with_a_wrong_size_is_not_defined(fargate: EcsFargate) -> None:
    """The refusal comes before AWS is asked."""
    with pytest.raises(ConfigError, match="no size of 3 vCPU"):
        fargate.definition(agent(cpus=3), IMAGE)


def test_a_definition_of_more_than_64_kib_is_refused(aws_context: Context) -> None:
    """https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-quotas.html"""
    context = with_cloud(aws_context, task_role="r" * 70_000)
    with pytest.raises(LimitExceeded, match="ECS takes 65536"):
        EcsFargate(context).definition(agent(), IMAGE)


def test_an_unchanged_agent_is_not_registered_again(
    fargate: EcsFargate, counted: Callable[[Clients], list[str]], pushed: str
) -> None:
    """The newest revision tells by its tag what it was made from."""
    calls = counted(fargate.clients)
    assert fargate.define(fargate.definition(agent(), IMAGE)) == pushed == "al-shop-staging-dev:1"
    assert calls == ["ecs.DescribeTaskDefinition"]


def test_a_changed_agent_is_a_new_revision(fargate: EcsFargate, pushed: str) -> None:
    """Another image is another definition."""
    assert fargate.define(fargate.definition(agent(), OTHER_IMAGE)) == "al-shop-staging-dev:2"


def test_a_definition_carries_our_tags(fargate: EcsFargate, pushed: str) -> None:
    """Nothing without them is ever changed or deleted."""
    answer = ecs(fargate).describe_task_definition(taskDefinition=pushed, include=["TAGS"])
    tags = {tag["key"]: tag["value"] for tag in answer["tags"]}
    assert tags.items() >= fargate.definition(agent(), IMAGE).tags.items()


def test_old_revisions_are_pruned(fargate: EcsFargate, pushed: str) -> None:
    """All but those that somebody names, of this agent only: the service matches families by prefix."""
    newer = fargate.define(fargate.definition(agent(), OTHER_IMAGE))
    other = fargate.define(fargate.definition(agent("dev-2"), IMAGE))
    assert fargate.prune("dev", keep={newer}) == (pushed,)
    left = ecs(fargate).list_task_definitions(status="ACTIVE")["taskDefinitionArns"]
    assert {one.rsplit("/", 1)[1] for one in left} == {newer, other}


def test_what_keeps_a_revision_from_being_run_is_told(fargate: EcsFargate, pushed: str) -> None:
    """RunTask refuses an INACTIVE one (API reference, DeregisterTaskDefinition), and one that is not there."""
    assert fargate.trouble(pushed) == fargate.trouble(f"{pushed}@spot") == ""
    ecs(fargate).deregister_task_definition(taskDefinition=pushed)
    assert fargate.trouble(pushed) == f"the task definition {pushed} is INACTIVE"
    assert "is gone" in fargate.trouble("al-shop-staging-other:1")


def test_the_roles_may_touch_what_is_the_agents_own(fargate: EcsFargate) -> None:
    """Named resources only; the one wildcard is an action that knows no resource."""
    resources = {r: g.actions for g in fargate.grants(agent()) for r in g.resources}
    assert resources == {
        "*": ("ecr:GetAuthorizationToken",),
        f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/al-shop-staging-dev": (
            "ecr:BatchCheckLayerAvailability",
            "ecr:BatchGetImage",
            "ecr:GetDownloadUrlForLayer",
        ),
        f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/ecs/al-shop-staging:log-stream:dev/*": (
            "logs:CreateLogStream",
            "logs:PutLogEvents",
        ),
        f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:action-llama/shop/staging/runs/dev/*": (
            "secretsmanager:DeleteSecret",
            "secretsmanager:GetSecretValue",
        ),
        f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/al-shop-staging": (
            "dynamodb:GetItem",
            "dynamodb:UpdateItem",
        ),
    }


def test_a_run_reaches_only_its_agents_mailboxes(fargate: EcsFargate) -> None:
    """`ForAllValues` also holds for a request without keys, so the keys must be there
    (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html)."""
    table = next(g for g in fargate.grants(agent()) if "dynamodb:GetItem" in g.actions)
    assert table.conditions == {
        "ForAllValues:StringLike": {"dynamodb:LeadingKeys": ("box/dev/*",)},
        "Null": {"dynamodb:LeadingKeys": "false"},
    }


def test_every_grant_has_its_reason_and_role(fargate: EcsFargate) -> None:
    """The reader of a policy is told why."""
    assert {g.role for g in fargate.grants(agent())} == {"execution", "task"}
    assert all(g.reason for g in fargate.grants(agent()))


def test_a_definition_is_plain_json(fargate: EcsFargate) -> None:
    """It is hashed, stored and shown."""
    attributes = fargate.definition(agent(), IMAGE).attributes
    assert json.loads(json.dumps(attributes)) == attributes
