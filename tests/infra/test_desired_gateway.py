"""The gateway as it should be: what its role may, what wakes it, who may call it."""

from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

from infra.desired import schedule
from infra.desired.policy import INLINE_SIZE, text
from tests.infra.scenes import (
    ACCOUNT,
    CLOUD,
    ON_FARGATE,
    ON_LAMBDA,
    REGION,
    environment,
    find,
    items,
    resources,
    statements,
)
from toolkit.core.agent import Agent, AgentName, WebhookTrigger
from toolkit.core.environment import AwsCloud
from toolkit.core.names import Names
from toolkit.core.plan import Item

ROLE, FUNCTION = "al-shop-production--gateway-lambda-role", "al-shop-production--gateway"
TIMER, ENDS = "al-shop-production--timer", "al-shop-production--ends"
MANY = {f"agent-with-a-long-name-{n}": (ON_LAMBDA, ON_FARGATE)[n % 2] for n in range(120)}


def role(**scene: Any) -> Item:
    return find(items(**scene), "role", ROLE)


def on(action: str, **scene: Any) -> list[str]:
    """The resources that the gateway may do this to, without the ARNs' beginnings."""
    found = [
        s["Resource"]
        for s in statements(role(**scene))
        if action in ([s["Action"]] if isinstance(s["Action"], str) else s["Action"])
    ]
    flat = [r for f in found for r in ([f] if isinstance(f, str) else f)]
    return [r.split(":", 5)[-1] for r in flat]


def test_what_the_gateway_may_is_this_list() -> None:
    """It schedules: it does what `al run` and `al logs` do, and no more."""
    assert [s["Action"] for s in statements(role())] == [
        ["dynamodb:BatchGetItem", "dynamodb:ConditionCheckItem", "dynamodb:DeleteItem", "dynamodb:GetItem",
         "dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem"],
        ["ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs"],
        "ecs:DescribeTasks",
        "ecs:ListTasks",
        "ecs:RunTask",
        "ecs:StopTask",
        "ecs:TagResource",
        "iam:PassRole",
        "lambda:InvokeFunction",
        "lambda:InvokeFunction",
        ["logs:CreateLogStream", "logs:PutLogEvents"],
        ["logs:DescribeLogStreams", "logs:FilterLogEvents", "logs:GetLogEvents"],
        ["secretsmanager:CreateSecret", "secretsmanager:TagResource"],
        ["secretsmanager:DeleteSecret", "secretsmanager:DescribeSecret"],
        "secretsmanager:GetSecretValue",
        "secretsmanager:ListSecrets",
    ]  # fmt: skip


def test_what_it_starts_is_named() -> None:
    """Its agents' families, versions and roles, and itself."""
    assert on("ecs:RunTask") == ["task-definition/al-shop-production-long:*"]
    assert on("lambda:InvokeFunction") == [
        "function:al-shop-production--gateway",
        "function:al-shop-production-dev:*",
    ]
    assert on("iam:PassRole") == [
        "role/al-shop-production-long-execution-role",
        "role/al-shop-production-long-task-role",
    ]


def test_a_secret_that_lives_long_is_named_with_six_unknown_characters() -> None:
    """Secrets Manager adds a hyphen and six characters, new at each creation, to a secret's ARN
    (https://docs.aws.amazon.com/secretsmanager/latest/userguide/troubleshoot.html)."""
    kept = "secret:action-llama/shop/production"
    assert on("secretsmanager:GetSecretValue") == [
        f"{kept}/gateway_api_key/default/key-??????",
        f"{kept}/github_token/default/token-??????",
    ]


def test_it_makes_the_secrets_of_runs_and_cannot_read_them() -> None:
    """With the tags by which they are found again."""
    runs = ["secret:action-llama/shop/production/runs/*"]
    assert on("secretsmanager:CreateSecret") == on("secretsmanager:DeleteSecret") == runs
    (made,) = (s for s in statements(role()) if "secretsmanager:CreateSecret" in s["Action"])
    assert made["Condition"] == {
        "StringEquals": {
            "aws:RequestTag/al:environment": "production",
            "aws:RequestTag/al:project": "shop",
        }
    }


def test_roles_go_to_tasks_only() -> None:
    """iam:PassedToService (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html)."""
    (passing,) = (s for s in statements(role()) if s["Action"] == "iam:PassRole")
    assert passing["Condition"] == {
        "StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}
    }


def test_roles_that_the_user_brings_are_handed_on_too() -> None:
    """By their own ARNs."""
    mine = f"arn:aws:iam::{ACCOUNT}:role/path/mine"
    brought = environment(cloud=replace(CLOUD, agent_roles=(("long", "task", mine),)))
    assert on("iam:PassRole", env=brought) == [
        "role/al-shop-production-long-execution-role",
        "role/path/mine",
    ]


def test_without_agents_on_fargate_nothing_of_ecs_is_allowed() -> None:
    """Nor of roles and networks."""
    services = {
        action.partition(":")[0]
        for s in statements(role(agents={"dev": ON_LAMBDA}))
        for action in ([s["Action"]] if isinstance(s["Action"], str) else s["Action"])
    }
    assert services == {"dynamodb", "lambda", "logs", "secretsmanager"}


def test_too_many_agents_are_named_by_the_beginning_of_their_names() -> None:
    """IAM takes 10,240 characters (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html); then
    the tags keep another environment's things out, where the action knows them."""
    many = role(agents=MANY)
    assert len(text(many.attributes["policy"])) <= INLINE_SIZE
    assert on("ecs:RunTask", agents=MANY) == ["task-definition/al-shop-production-*"]
    assert on("iam:PassRole", agents=MANY) == ["role/al-shop-production-*"]
    ours = {"aws:ResourceTag/al:environment": "production", "aws:ResourceTag/al:project": "shop"}
    held = {
        s["Action"]: s.get("Condition", {}).get("StringEquals", {})
        for s in statements(many)
        if s["Action"] in ("ecs:RunTask", "lambda:InvokeFunction")
        and s["Resource"].endswith("-production-*")
    }
    assert held == {"ecs:RunTask": ours, "lambda:InvokeFunction": ours}


def test_thirty_agents_are_named_one_by_one() -> None:
    """Fifteen on each runtime."""
    thirty = {f"agent-{n}": (ON_LAMBDA, ON_FARGATE)[n % 2] for n in range(30)}
    assert len(on("iam:PassRole", agents=thirty)) == 30


def test_the_function_may_be_called_by_its_url_and_its_rules() -> None:
    """A public URL needs two permissions since October 2025 (https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html);
    EventBridge may call for the rules by name."""
    rules = f"arn:aws:events:{REGION}:{ACCOUNT}:rule"
    invoke, service = "lambda:InvokeFunction", "events.amazonaws.com"
    assert find(items(), "function", FUNCTION).attributes["permissions"] == [
        {"id": "al-url", "action": "lambda:InvokeFunctionUrl", "url_auth": "NONE"},
        {"id": "al-url-invoke", "action": invoke, "via_url": True},
        {"id": "al-timer", "action": invoke, "principal": service, "source": f"{rules}/{TIMER}"},
        {"id": "al-ends", "action": invoke, "principal": service, "source": f"{rules}/{ENDS}"},
    ]


def test_ends_are_those_of_our_own_tasks() -> None:
    """The cluster may be the user's own, with tasks of others."""
    theirs = environment(cloud=replace(CLOUD, cluster="everybodys"))
    rule = find(items(env=theirs), "event_rule", ENDS).attributes
    assert rule["pattern"]["detail"] == {
        "clusterArn": [f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/everybodys"],
        "lastStatus": ["STOPPED"],
        "group": [{"prefix": "family:al-shop-production-"}],
    }
    assert (rule["schedule"], rule["function"]) == (None, FUNCTION)


def agent(name: str, **more: Any) -> Agent:
    return Agent(name=AgentName(name), directory=Path(), instructions="work", **more)


@pytest.mark.parametrize(
    ("agents", "rate"),
    [
        ([], schedule.SELDOM),
        ([agent("one")], schedule.SELDOM),
        ([agent("one", schedule="0 * * * *")], schedule.OFTEN),
        ([agent("one", schedule="0 * * * *", scale=0)], schedule.SELDOM),
        ([agent("one", webhooks=(WebhookTrigger(source="hub"),))], schedule.OFTEN),
        ([agent("one"), agent("two")], schedule.OFTEN),
    ],
    ids=["nobody", "by hand", "schedule", "switched off", "webhook", "calls"],
)
def test_the_timer_fires_as_often_as_something_may_wait(agents: list[Agent], rate: str) -> None:
    """Every minute costs an invocation: 43,200 a month, against 2,880."""
    assert schedule.rate(agents) == rate


def test_a_rule_s_name_fits() -> None:
    """64 characters (https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutRule.html)."""
    cloud = AwsCloud(region=REGION, account=ACCOUNT)
    names = Names(environment("e" * 40, "p" * 40, cloud).scope)
    found = [item.name for item in schedule.items(cloud, names, [])]
    assert len(set(found)) == 2
    assert all(len(name) <= 64 for name in found)


def test_no_resource_is_wider_than_the_environment() -> None:
    """But for the four looks that know no resource."""
    known = ("*-shop-production*", "*/shop/production/*", "*:task/al-shop-production/*")
    loose = {r for r in resources(role()) if not any(fnmatchcase(r, one) for one in known)}
    assert loose == {"*"}
