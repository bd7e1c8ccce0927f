"""Roles that the user brings: judged by what they allow, and never written to."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from infra.reconcile.aws import AwsReconciler
from moto_tests.answers import answer, refusal
from moto_tests.deployed import Count, items, writes
from moto_tests.given import agent, with_cloud
from moto_tests.identities import EVERYTHING, boundary, iam_of, reconcile, statement
from toolkit.clouds.aws import clients_for, cloud_of
from toolkit.core import registry
from toolkit.core.plan import Grant
from toolkit.core.ports import Concern, Context

MINE = "arn:aws:iam::123456789012:role/teams/mine"
FOR_LAMBDA = statement(Action="sts:AssumeRole", Principal={"Service": "lambda.amazonaws.com"})
OF_THIS_ACCOUNT = statement(
    Action="sts:AssumeRole",
    Principal={"Service": ["ecs-tasks.amazonaws.com"]},
    Condition={
        "StringEquals": {"aws:SourceAccount": "123456789012"},
        "ArnLike": {"aws:SourceArn": "arn:aws:ecs:us-east-1:123456789012:*"},
    },
)


@pytest.fixture
def brings(aws_context: Context) -> Context:
    """`dev` runs on Lambda with a role of the user's."""
    return with_cloud(aws_context, agent_roles=(("dev", "lambda", MINE),))


def grants_of(context: Context, runtime: str = "aws_lambda") -> tuple[Grant, ...]:
    found: tuple[Grant, ...] = registry.find("runtime", runtime)(context).grants(agent())
    return found


def concerns(context: Context, runtime: str = "aws_lambda") -> tuple[Concern, ...]:
    return AwsReconciler(context).concerns((), {"dev": grants_of(context, runtime)})


def make(context: Context, *, trust: str = FOR_LAMBDA, inline: str | None = EVERYTHING) -> Any:
    """The user's role; IAM's client."""
    iam = iam_of(context)
    iam.create_role(RoleName="mine", Path="/teams/", AssumeRolePolicyDocument=trust)
    if inline:
        iam.put_role_policy(RoleName="mine", PolicyName="p", PolicyDocument=inline)
    return iam


def exactly(grants: Sequence[Grant]) -> str:
    """A document that allows the grants, with their conditions, and nothing else."""
    statements = [
        {"Effect": "Allow", "Action": g.actions, "Resource": g.resources}
        | ({"Condition": g.conditions} if g.conditions else {})
        for g in grants
    ]
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def test_a_role_that_allows_what_is_needed_is_no_concern(brings: Context, counted: Count) -> None:
    """Exactly the grants, by name and with their conditions; and nothing is written."""
    make(brings, inline=exactly(grants_of(brings)))
    calls = counted(clients_for(cloud_of(brings.environment)))
    assert concerns(brings) == ()
    assert writes(calls) == []


def test_a_managed_policy_counts_in_its_default_version(brings: Context) -> None:
    """Attached, in force now, and not as it was first written."""
    iam = make(brings, inline=None)
    policy = boundary(iam, "wide")
    iam.attach_role_policy(RoleName="mine", PolicyArn=policy)
    assert concerns(brings) == ()
    narrow = statement(Action="s3:GetObject", Resource="*")
    iam.create_policy_version(PolicyArn=policy, PolicyDocument=narrow, SetAsDefault=True)
    assert {c.about for c in concerns(brings)} == {"mine"}


def test_what_is_lacking_is_named(brings: Context) -> None:
    """The actions, the resource, the agent and the reason."""
    make(
        brings,
        inline=exactly([g for g in grants_of(brings) if "dynamodb:GetItem" not in g.actions]),
    )
    (concern,) = concerns(brings)
    assert concern.message.startswith(
        "does not allow dynamodb:GetItem, dynamodb:UpdateItem on arn:"
    )
    assert ":table/al-shop-staging, which dev needs (" in concern.message
    assert not concern.warning


def test_another_agents_secrets_are_not_enough(brings: Context) -> None:
    """The resource counts, not only the action."""
    make(brings, inline=exactly(grants_of(brings)).replace("/runs/dev/", "/runs/other/"))
    (concern,) = concerns(brings)
    assert "secretsmanager:GetSecretValue" in concern.message


def test_a_boundary_takes_away(brings: Context) -> None:
    """Allowed by a policy and not by the boundary is not allowed
    (https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html)."""
    iam = make(brings)
    narrow = statement(Action="secretsmanager:*", Resource="*")
    edge = iam.create_policy(PolicyName="edge", PolicyDocument=narrow)["Policy"]["Arn"]
    iam.put_role_permissions_boundary(RoleName="mine", PermissionsBoundary=edge)
    lacking = " ".join(c.message for c in concerns(brings))
    assert "logs:PutLogEvents" in lacking
    assert "secretsmanager" not in lacking


@pytest.mark.parametrize(("region", "lacks"), [("us-east-1", False), ("eu-north-1", True)])
def test_a_guard_of_regions_is_judged_by_the_environments(
    brings: Context, region: str, lacks: bool
) -> None:
    """As organisations deny all but some regions, another account and plain HTTP
    (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_examples_aws_deny-requested-region.html)."""
    guards = {
        "StringNotEquals": {"aws:RequestedRegion": [region]},
        "Bool": {"aws:SecureTransport": "true"},
    }
    guard = {"Effect": "Deny", "NotAction": "iam:*", "Resource": "*", "Condition": guards}
    here = {"StringEquals": {"aws:ResourceAccount": "123456789012"}}
    allow = {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": here}
    make(brings, inline=json.dumps({"Version": "2012-10-17", "Statement": [allow, guard]}))
    assert bool(concerns(brings)) is lacks


def test_a_denial_wins(brings: Context) -> None:
    """An explicit Deny beside an Allow of everything."""
    denied = {"Effect": "Deny", "Action": "dynamodb:UpdateItem", "Resource": "*"}
    allowed = json.loads(EVERYTHING)["Statement"]
    make(brings, inline=json.dumps({"Version": "2012-10-17", "Statement": [*allowed, denied]}))
    (concern,) = concerns(brings)
    assert concern.message.startswith("does not allow dynamodb:UpdateItem on")


def test_a_role_that_trusts_another_service_is_a_concern(brings: Context) -> None:
    """Lambda cannot become a role that only tasks may have."""
    make(brings, trust=OF_THIS_ACCOUNT)
    (concern,) = concerns(brings)
    assert concern.message == "its trust policy does not let lambda.amazonaws.com in"


def test_what_ecs_says_of_itself_meets_conditions(aws_context: Context) -> None:
    """A trust policy limited to this account's tasks, as AWS recommends
    (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html)."""
    context = with_cloud(aws_context, task_role=MINE, execution_role="mine")
    make(context, trust=OF_THIS_ACCOUNT)
    assert concerns(context, "ecs_fargate") == ()


def test_a_role_that_is_not_there_is_a_concern(brings: Context) -> None:
    """Named in the environment's file, and nowhere else."""
    (concern,) = concerns(brings)
    assert "there is no such role" in concern.message


def test_a_role_of_another_account_is_a_concern(aws_context: Context) -> None:
    """It is not even asked for."""
    context = with_cloud(aws_context, lambda_role="arn:aws:iam::999999999999:role/theirs")
    (concern,) = concerns(context)
    assert "is not a role of account 123456789012" in concern.message


def test_a_role_that_may_not_be_read_is_unknown_not_good(brings: Context) -> None:
    """A warning that names the actions that reading takes."""
    make(brings)
    answer(iam_of(brings), "GetRolePolicy", refusal("AccessDenied", "not authorized"))
    (concern,) = concerns(brings)
    assert concern.warning
    assert "GetPolicyVersion" in concern.remedy


def test_a_shared_role_is_read_once(aws_context: Context, counted: Count) -> None:
    """However many agents have it; what it lacks is said for each."""
    context = with_cloud(aws_context, lambda_role=MINE)
    make(context, inline=None)
    grants = {
        name: registry.find("runtime", "aws_lambda")(context).grants(agent(name))
        for name in ("one", "two", "three")
    }
    calls = counted(clients_for(cloud_of(context.environment)))
    found = AwsReconciler(context).concerns((), grants)
    assert calls.count("iam.GetRole") == 1
    assert {name for name in grants for c in found if f"which {name} needs" in c.message} == set(
        grants
    )


def test_a_brought_role_is_never_in_a_plan(brings: Context) -> None:
    """It is not desired, and does not carry our tags."""
    make(brings)
    before = iam_of(brings).get_role(RoleName="mine")["Role"]
    reconcile(brings, items(brings))
    reconcile(brings, [])
    assert iam_of(brings).get_role(RoleName="mine")["Role"] == before
