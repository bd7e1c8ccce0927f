"""The sandbox's engine applies the unmodified Pulumi program to moto."""

import asyncio
import json
import stat
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from moto_tests.deployed import Count, apply, client, items, journal, repositories, roles
from moto_tests.given import ACCOUNT
from toolkit.clouds.aws import clients_for, cloud_of
from toolkit.core.environment import Scope
from toolkit.core.errors import AlError, Conflict, Unreachable
from toolkit.core.names import TIMER, Names
from toolkit.core.plan import Action
from toolkit.core.ports import Context
from toolkit.sandbox.engine import Engine
from toolkit.sandbox.resources import Resources


def test_everything_that_is_desired_exists_afterwards(aws_context: Context) -> None:
    """Read back from the services, not from the engine."""
    apply(aws_context, items(aws_context))
    assert repositories(aws_context) == [
        "al-shop-staging-dev",
        "al-shop-staging-long",
        "al-shop-staging/base",
        "al-shop-staging/gateway",
    ]
    assert roles(aws_context) == [
        "al-shop-staging--gateway-lambda-role",
        "al-shop-staging-dev-lambda-role",
        "al-shop-staging-long-execution-role",
        "al-shop-staging-long-task-role",
    ]
    groups = client(aws_context, "logs").describe_log_groups()["logGroups"]
    assert {g["logGroupName"]: g["retentionInDays"] for g in groups} == {
        "/aws/lambda/al-shop-staging--gateway": 30,
        "/aws/lambda/al-shop-staging-dev": 30,
        "/ecs/al-shop-staging": 30,
    }
    secrets = client(aws_context, "secretsmanager").list_secrets()["SecretList"]
    assert sorted(s["Name"] for s in secrets) == [
        "action-llama/shop/staging/gateway_api_key/default/key",
        "action-llama/shop/staging/github_token/default/token",
    ]
    (cluster,) = client(aws_context, "ecs").describe_clusters(clusters=["al-shop-staging"])[
        "clusters"
    ]
    assert cluster["status"] == "ACTIVE"


def test_a_role_has_the_policy_that_was_desired(aws_context: Context) -> None:
    """Trust and grants arrive unchanged."""
    wanted = items(aws_context)
    apply(aws_context, wanted)
    name = "al-shop-staging-dev-lambda-role"
    (role,) = (i for i in wanted if i.name == name)
    iam = client(aws_context, "iam")
    assert (
        iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"] == role.attributes["trust"]
    )
    policy = iam.get_role_policy(RoleName=name, PolicyName="grants")["PolicyDocument"]
    assert policy == role.attributes["policy"]


def test_the_gateway_has_a_url_and_both_permissions(aws_context: Context) -> None:
    """Since October 2025 a new URL needs both
    (https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html)."""
    outputs, _ = apply(aws_context, items(aws_context))
    lambda_ = client(aws_context, "lambda")
    name = "al-shop-staging--gateway"
    url = lambda_.get_function_url_config(FunctionName=name)
    assert outputs["gateway_url"] == url["FunctionUrl"].rstrip("/")
    assert (url["AuthType"], url["InvokeMode"]) == ("NONE", "BUFFERED")
    policy = json.loads(lambda_.get_policy(FunctionName=name)["Policy"])
    assert {s["Action"] for s in policy["Statement"]} == {
        "lambda:InvokeFunctionUrl",
        "lambda:InvokeFunction",
    }


def test_the_gateways_events_have_an_age(aws_context: Context) -> None:
    """Those of its rules, and those that wait in Lambda's queue; a second push changes nothing of it."""
    apply(aws_context, items(aws_context))
    apply(aws_context, items(aws_context))
    found = client(aws_context, "lambda").get_function_event_invoke_config(
        FunctionName="al-shop-staging--gateway"
    )
    assert (found["MaximumEventAgeInSeconds"], found["MaximumRetryAttempts"]) == (300, 1)
    rule = Names(aws_context.environment.scope).event_rule(TIMER)
    (target,) = client(aws_context, "events").list_targets_by_rule(Rule=rule)["Targets"]
    assert target["RetryPolicy"]["MaximumEventAgeInSeconds"] == 300


def test_outputs_name_the_roles(aws_context: Context) -> None:
    """As the program exports them."""
    outputs, _ = apply(aws_context, items(aws_context))
    role = "al-shop-staging-dev-lambda-role"
    assert outputs["role_arns"][role] == f"arn:aws:iam::{ACCOUNT}:role/{role}"
    assert outputs["repositories"]["al-shop-staging-dev"].endswith("/al-shop-staging-dev")


def test_what_takes_a_log_group_or_a_role_comes_after_it(
    aws_context: Context, counted: Count
) -> None:
    """Lambda refuses a role that does not exist, and makes a missing group without retention."""
    calls = counted(clients_for(cloud_of(aws_context.environment)))
    apply(aws_context, items(aws_context))
    function = calls.index("lambda.CreateFunction")
    assert max(i for i, c in enumerate(calls) if c == "iam.PutRolePolicy") < function
    assert max(i for i, c in enumerate(calls) if c == "logs.PutRetentionPolicy") < function
    assert calls.index("ecr.SetRepositoryPolicy") < function


def test_a_first_push_goes_in_two_steps(aws_context: Context) -> None:
    """Repositories first; then, with an image, the gateway."""
    first, _ = apply(aws_context, items(aws_context, digit=None))
    second, lines = apply(aws_context, items(aws_context))
    assert "gateway_url" not in first
    assert second["gateway_url"].startswith("https://")
    assert {line.split()[1] for line in lines} == {"function", "permission", "event"}


def test_a_strangers_role_is_refused_by_name(aws_context: Context) -> None:
    """Nothing without our tags is changed."""
    name = "al-shop-staging-dev-lambda-role"
    trust = json.dumps({"Version": "2012-10-17", "Statement": []})
    client(aws_context, "iam").create_role(RoleName=name, AssumeRolePolicyDocument=trust)
    with pytest.raises(Conflict, match=f"role {name} is there, but not of shop/staging"):
        apply(aws_context, items(aws_context))
    assert client(aws_context, "iam").list_role_policies(RoleName=name)["PolicyNames"] == []


@pytest.mark.parametrize(
    ("service", "call"),
    [
        ("ecr", ("create_repository", {"repositoryName": "al-shop-staging-dev"})),
        ("logs", ("create_log_group", {"logGroupName": "/ecs/al-shop-staging"})),
        ("ecs", ("create_cluster", {"clusterName": "al-shop-staging"})),
        (
            "secretsmanager",
            (
                "create_secret",
                {"Name": "action-llama/shop/staging/github_token/default/token"},
            ),
        ),
    ],
)
def test_a_strangers_thing_is_refused(
    aws_context: Context, service: str, call: tuple[str, dict[str, str]]
) -> None:
    """Whatever it is: the name is taken, and the answer says what to do."""
    operation, arguments = call
    getattr(client(aws_context, service), operation)(**arguments)
    with pytest.raises(Conflict) as error:
        apply(aws_context, items(aws_context))
    assert "rename" in error.value.hint


def test_a_type_that_nobody_handles_is_named(aws_context: Context) -> None:
    """A new resource in the program needs a handler, and the answer says where."""
    resources = Resources(clients_for(cloud_of(aws_context.environment)).client)
    with pytest.raises(AlError, match="aws:sns/topic:Topic"):
        resources.handler("aws:sns/topic:Topic")


def test_the_journal_is_private(aws_context: Context) -> None:
    """It names everything in the account; nobody else on the machine needs to know."""
    apply(aws_context, items(aws_context))
    assert stat.S_IMODE(journal(aws_context).stat().st_mode) == 0o600


def test_a_preview_of_an_empty_account_creates_everything(aws_context: Context) -> None:
    """ARNs that do not exist yet are not made up."""
    plan = Engine(aws_context).preview(items(aws_context))
    (function,) = (c.item for c in plan.changes if c.item.kind == "function")
    assert {c.action for c in plan.changes} == {Action.CREATE}
    assert function.attributes["role"] == "(known later)"


def test_two_environments_live_side_by_side(aws_context: Context) -> None:
    """Removing one leaves the other as it was."""
    other = replace(
        aws_context,
        environment=replace(
            aws_context.environment, scope=Scope(project="shop", environment="production")
        ),
    )
    apply(aws_context, items(aws_context))
    before = roles(aws_context)
    apply(other, items(other, digit=None))
    Engine(other).apply([], progress=lambda _: None)
    assert roles(aws_context) == before


def test_projects_whose_names_run_together_do_not_mix(aws_context: Context) -> None:
    """`shop-a` in `b` and `shop` in `a-b` would share names: the second is refused, and has its own journal."""
    scopes = (
        Scope(project="shop-a", environment="b"),
        Scope(project="shop", environment="a-b"),
    )
    one, other = (
        replace(aws_context, environment=replace(aws_context.environment, scope=s)) for s in scopes
    )
    apply(one, items(one, digit=None))
    before = roles(aws_context)
    with pytest.raises(Conflict, match="not of shop/a-b"):
        apply(other, items(other, digit=None))
    assert roles(aws_context) == before


def test_it_can_be_called_from_a_running_loop(aws_context: Context) -> None:
    """Whoever calls may have an event loop of its own."""

    async def caller() -> Mapping[str, Any]:
        return apply(aws_context, items(aws_context))[0]

    assert "gateway_url" in asyncio.run(caller())


def test_no_sandbox_is_an_error_with_a_hint(aws_context: Context) -> None:
    """Not a stack trace of botocore."""
    gone = replace(cloud_of(aws_context.environment), endpoint="http://127.0.0.1:9")
    nowhere = replace(aws_context, environment=replace(aws_context.environment, cloud=gone))
    with pytest.raises(Unreachable, match="looking at the"):
        apply(nowhere, items(nowhere))


def test_no_value_of_a_secret_is_written_down(aws_context: Context) -> None:
    """A user's values are in the store; the engine neither reads nor remembers them."""
    apply(aws_context, items(aws_context))
    store = client(aws_context, "secretsmanager")
    name = "action-llama/shop/staging/github_token/default/token"
    store.put_secret_value(SecretId=name, SecretString="hunter2-hunter2")
    apply(aws_context, items(aws_context, digit="1"))
    assert store.get_secret_value(SecretId=name)["SecretString"] == "hunter2-hunter2"
    assert "hunter2" not in journal(aws_context).read_text()
