"""Grants become policy documents."""

import json
from dataclasses import replace

import pytest

from infra.desired import policy
from tests.infra.scenes import ACCOUNT, grant
from toolkit.core.errors import AlError, LimitExceeded
from toolkit.core.plan import Grant

OWN_ROWS = {
    "ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["box/dev/*"]},
    "Null": {"dynamodb:LeadingKeys": "false"},
}
TABLE = ("arn:aws:dynamodb:eu-central-1:123456789012:table/al-shop-production",)


def rows(**changes: object) -> Grant:
    """A grant for an agent's own rows, with these fields instead."""
    fine = grant(actions=("dynamodb:UpdateItem",), resources=TABLE, conditions=OWN_ROWS)
    return replace(fine, **changes)  # type: ignore[arg-type]  # fields of Grant by name


def test_the_same_grants_in_another_order_are_the_same_document() -> None:
    """A policy changes only when what it allows changes."""
    one, two = grant(), rows()
    assert policy.text(policy.policy([one, two])) == policy.text(policy.policy([two, one]))


def test_a_policy_has_no_white_space_to_pay_for() -> None:
    """IAM counts characters, so one action or resource is a string and there are no spaces."""
    document = policy.policy([grant()])
    assert policy.text(document) == json.dumps(document, sort_keys=True, separators=(",", ":"))
    assert document["Statement"][0]["Action"] == "secretsmanager:GetSecretValue"


def test_a_statement_says_why_it_is_there_in_letters_and_digits() -> None:
    """A Sid takes A-Z, a-z and 0-9 only
    (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_sid.html)."""
    (statement,) = policy.policy([grant(reason="reading the run's own secret, once")])["Statement"]
    assert statement["Sid"] == "ReadingTheRunsOwnSecretOnce"


def test_two_statements_of_one_reason_have_different_sids() -> None:
    """A Sid is unique in its policy (same page)."""
    twice = [grant(), grant(actions=("secretsmanager:DeleteSecret",))]
    sids = [s["Sid"] for s in policy.policy(twice)["Statement"]]
    assert sids == ["ReadingItsSecret", "ReadingItsSecret2"]


@pytest.mark.parametrize(
    "resource",
    [
        "*",
        "arn:aws:secretsmanager:eu-central-1:123456789012:secret:*",
        "arn:aws:ecr:eu-central-1:123456789012:repository/*",
        "arn:aws:logs:eu-central-1:123456789012:*",
        "arn:aws:s3:::*",
    ],
)
def test_a_grant_names_what_it_is_for(resource: str) -> None:
    """No role of ours may touch everything of a kind."""
    with pytest.raises(AlError, match="every resource"):
        policy.policy([grant(resources=(resource,))])


def test_an_action_that_knows_no_resource_may_name_all() -> None:
    """ecr:GetAuthorizationToken has no resource
    (https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerregistry.html)."""
    login = grant(actions=("ecr:GetAuthorizationToken",), resources=("*",))
    assert policy.policy([login])["Statement"][0]["Resource"] == "*"


def test_one_action_with_a_resource_spoils_the_exception() -> None:
    """Everything in a statement gets its resources, so an action that could be narrowed must not be in it."""
    both = grant(actions=("ecr:GetAuthorizationToken", "ecr:PutImage"), resources=("*",))
    with pytest.raises(AlError, match="every resource"):
        policy.policy([both])


def test_a_wildcard_action_is_refused() -> None:
    """Actions are named one by one."""
    with pytest.raises(AlError, match="wildcard action"):
        policy.policy([grant(actions=("secretsmanager:*",))])


def test_a_grant_for_nothing_is_refused() -> None:
    """A grant without resources is a mistake, not a wide door."""
    with pytest.raises(AlError, match="no resource"):
        policy.policy([grant(resources=())])


def test_own_rows_only_is_a_grant() -> None:
    """LeadingKeys with ForAllValues, the key required and no Scan: the form that limits rows."""
    assert policy.policy([rows()])["Statement"][0]["Condition"] == OWN_ROWS


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"actions": ("dynamodb:GetItem", "dynamodb:Scan")}, "Scan"),
        (
            {"conditions": {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["box/*"]}}},
            "present",
        ),
        (
            {"conditions": {**OWN_ROWS, "Null": {"dynamodb:LeadingKeys": "true"}}},
            "present",
        ),
        ({"conditions": {"StringLike": {"dynamodb:LeadingKeys": "box/*"}}}, "ForAllValues"),
        ({"conditions": {"ForAnyValue:StringLike": {"DynamoDB:leadingkeys": "a"}}}, "ForAllValues"),
    ],
)
def test_leading_keys_that_do_not_limit_are_refused(
    changes: dict[str, object], reason: str
) -> None:
    """ForAllValues is true when the key is absent, as in a Scan
    (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html)."""
    with pytest.raises(AlError, match=reason):
        policy.policy([rows(**changes)])


def test_a_fargate_role_serves_its_own_account_only() -> None:
    """ECS sends aws:SourceAccount; a narrower aws:SourceArn would keep every task from starting
    (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html)."""
    (statement,) = policy.trust("task", ACCOUNT)["Statement"]
    assert statement["Principal"] == {"Service": "ecs-tasks.amazonaws.com"}
    assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": ACCOUNT}}
    assert policy.trust("execution", ACCOUNT) == policy.trust("task", ACCOUNT)


def test_a_lambda_role_is_trusted_without_conditions() -> None:
    """lambda:SourceFunctionArn is absent in Lambda's own calls, so a condition locks the function out
    (https://docs.aws.amazon.com/lambda/latest/dg/permissions-source-function-arn.html)."""
    (statement,) = policy.trust("lambda", ACCOUNT)["Statement"]
    assert statement == {
        "Effect": "Allow",
        "Action": "sts:AssumeRole",
        "Principal": {"Service": "lambda.amazonaws.com"},
    }


def test_a_policy_of_10240_characters_passes_and_one_more_does_not() -> None:
    """All inline policies of a role: 10,240 characters without white space
    (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html)."""
    frame = len(policy.text({"a": ""}))
    policy.check_size({"a": "x" * (policy.INLINE_SIZE - frame)}, policy.INLINE_SIZE, "r")
    with pytest.raises(LimitExceeded, match="10240"):
        policy.check_size({"a": "x" * (policy.INLINE_SIZE - frame + 1)}, policy.INLINE_SIZE, "r")


def test_a_policy_with_other_characters_than_ascii_is_refused() -> None:
    """IAM takes tab, line ends and U+0020 to U+00FF, so an emoji is refused by the service
    (https://docs.aws.amazon.com/IAM/latest/APIReference/API_PutRolePolicy.html); we keep to ASCII."""
    with pytest.raises(LimitExceeded, match="characters"):
        policy.check_size({"a": "🦙"}, policy.INLINE_SIZE, "r")
