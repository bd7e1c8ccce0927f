"""The policies for whoever runs `al`: small enough for IAM, wide enough for the commands, and no way up."""

from dataclasses import replace
from typing import Any

import pytest

from infra.desired.operator import MANAGED_SIZE
from infra.desired.policy import INLINE_SIZE, text
from infra.desired.without_resource import IN_ROLES, OF_OPERATORS
from infra.reconcile.policy import Need, allowed, possible
from tests.infra.scenes import ACCOUNT, CLOUD, environment, items
from tests.ops.operators import (
    BOUNDED,
    EDGE,
    OURS,
    ROLE,
    SHAPES,
    TAGGED,
    arn,
    judged,
    of,
    statements,
)
from toolkit.core.environment import Environment

# what IAM takes


@pytest.mark.parametrize("env", SHAPES.values(), ids=SHAPES)
def test_every_policy_is_one_that_iam_takes(env: Environment) -> None:
    """6,144 characters for a managed policy, and ASCII
    (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html)."""
    found = of(env)
    assert {"deploy", "deploy-without-iam", "run"} <= found.keys()
    parts = {name: d for name, d in found.items() if name[-1].isdigit() or name == "run"}
    assert {name: len(text(d)) for name, d in parts.items() if len(text(d)) > MANAGED_SIZE} == {}
    assert all(text(d).isascii() for d in found.values())


@pytest.mark.parametrize("env", [environment(), BOUNDED], ids=["plain", "bounded"])
def test_a_role_can_hold_a_whole_policy_inline(env: Environment) -> None:
    """10,240 characters, the sum of all inline policies of a role (same page)."""
    assert {n: len(text(d)) for n, d in of(env).items() if len(text(d)) > INLINE_SIZE} == {}


def test_one_that_is_too_long_for_a_managed_policy_is_there_in_parts() -> None:
    """Together they are the whole, statement for statement."""
    found = of(environment())
    parts = [found["deploy-1"], found["deploy-2"]]
    assert [s for part in parts for s in part["Statement"]] == found["deploy"]["Statement"]


@pytest.mark.parametrize("env", SHAPES.values(), ids=SHAPES)
def test_actions_are_named_and_resources_too(env: Environment) -> None:
    """No wildcard in an action; every resource only where the action knows none, or none that is known before."""
    for document in of(env).values():
        for actions, resources in statements(document):
            assert not [a for a in actions if "*" in a]
            assert "*" not in resources or set(actions) <= OF_OPERATORS.keys()


def test_every_action_without_resource_has_a_reason_and_a_source() -> None:
    """The list is short, and each entry is used by a document that we render."""
    for table in (IN_ROLES, OF_OPERATORS):
        assert {
            a: w
            for a, w in table.items()
            if not w.why or not w.source.startswith("https://docs.aws")
        } == {}
    in_vpc = environment(cloud=replace(CLOUD, lambda_subnets=("subnet-1",)))
    roles = [i.attributes["policy"] for i in items(in_vpc) if i.kind == "role"]
    assert wide(roles) == IN_ROLES.keys()
    documents = [d for shape in ("plain", "brought", "alias") for d in of(SHAPES[shape]).values()]
    assert wide(documents) == OF_OPERATORS.keys()


def wide(documents: Any) -> set[str]:
    """The actions that name every resource of a kind, in any of these."""
    return {
        action
        for document in documents
        for actions, resources in statements(document)
        for action in actions
        if any(r == "*" or (r.endswith((":*", ":security-group/*", ":vpc/*", ":policy/*", ":key/*")) and r.count(":") == 5) for r in resources)
    }  # fmt: skip


def test_every_role_document_keeps_to_its_short_list() -> None:
    """Whatever the runtime, and the gateway's too."""
    for item in items():
        for actions, resources in (
            statements(item.attributes["policy"]) if item.kind == "role" else ()
        ):
            assert "*" not in resources or set(actions) <= IN_ROLES.keys(), item.name


# no way up


@pytest.mark.parametrize("env", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize(
    "action",
    ["iam:PutUserPolicy", "iam:AttachUserPolicy", "iam:PutGroupPolicy", "iam:AttachGroupPolicy", "iam:AddUserToGroup",
     "iam:AttachRolePolicy", "iam:CreatePolicy", "iam:CreatePolicyVersion", "iam:SetDefaultPolicyVersion",
     "iam:DeletePolicy", "iam:CreateUser", "iam:CreateAccessKey", "iam:UpdateLoginProfile", "iam:DeleteUserPermissionsBoundary",
     "iam:CreateOpenIDConnectProvider", "iam:UpdateOpenIDConnectProviderThumbprint", "sts:AssumeRole", "organizations:LeaveOrganization"],
)  # fmt: skip
def test_nobody_is_given_anything_with_it(env: Environment, action: str) -> None:
    """Neither users, groups nor managed policies can be changed, whatever the conditions of the request."""
    assert [
        n for n, d in of(env).items() if possible([text(d)], Need(action=action, resource="*"))
    ] == []


@pytest.mark.parametrize("name", ["deploy", "deploy-without-iam", "run"])
def test_roles_go_to_their_services_only(name: str) -> None:
    """iam:PassedToService (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html)."""
    for service, verdict in (
        ("ecs-tasks", True),
        ("lambda", True),
        ("ec2", False),
        ("glue", False),
    ):
        found = {"iam:passedtoservice": [f"{service}.amazonaws.com"]}
        assert judged(environment(), name, "iam:PassRole", ROLE, found=found) is verdict
    assert not judged(environment(), name, "iam:PassRole", ROLE)
    admin = f"arn:aws:iam::{ACCOUNT}:role/admin"
    found = {"iam:passedtoservice": ["lambda.amazonaws.com"]}
    assert not judged(environment(), name, "iam:PassRole", admin, found=found)


WRITES = (
    "iam:CreateRole", "iam:DeleteRole", "iam:DeleteRolePolicy", "iam:DetachRolePolicy", "iam:PutRolePolicy",
    "iam:PutRolePermissionsBoundary", "iam:DeleteRolePermissionsBoundary", "iam:TagRole", "iam:UntagRole",
    "iam:UpdateAssumeRolePolicy", "iam:UpdateRole",
)  # fmt: skip


@pytest.mark.parametrize("env", [environment(), BOUNDED], ids=["plain", "bounded"])
def test_roles_of_other_names_cannot_be_touched(env: Environment) -> None:
    """Also where they carry our tags, which anybody may have put there."""
    document = text(of(env)["deploy"])
    for name in ("admin", "al-shop", "al-other-production-dev-task-role", "AL-shop-production-x"):
        role = f"arn:aws:iam::{ACCOUNT}:role/{name}"
        needs = [Need(action=a, resource=role, keys={**TAGGED, **OURS}) for a in WRITES]
        assert [need.action for need in needs if possible([document], need)] == []


def test_another_environment_s_roles_cannot_be_touched_though_their_names_begin_alike() -> None:
    """`production-eu` is no part of `production`: its roles carry its tags, and cannot be given ours."""
    theirs = {**TAGGED, "aws:resourcetag/al:environment": ["production-eu"]}
    role = f"arn:aws:iam::{ACCOUNT}:role/al-shop-production-eu-dev-task-role"
    document = text(of(environment())["deploy"])
    needs = [Need(action=a, resource=role, keys={**theirs, **OURS}) for a in WRITES]
    assert [n.action for n in needs if possible([document], n)] == ["iam:CreateRole"]


def test_what_is_made_carries_our_tags() -> None:
    """aws:RequestTag (https://docs.aws.amazon.com/IAM/latest/UserGuide/access_tags.html)."""
    made = {
        "iam:CreateRole": ROLE,
        "lambda:CreateFunction": arn("lambda", "function:al-shop-production-dev"),
        "ecr:CreateRepository": arn("ecr", "repository/al-shop-production-dev"),
        "secretsmanager:CreateSecret": arn(
            "secretsmanager", "secret:action-llama/shop/production/x-AbCdEf"
        ),
        "ecs:RegisterTaskDefinition": "*",
        "ec2:CreateSecurityGroup": arn("ec2", "security-group/*"),
    }
    for action, resource in made.items():
        assert judged(environment(), "deploy", action, resource, found=OURS), action
        assert not judged(environment(), "deploy", action, resource), action
        foreign = {**OURS, "aws:requesttag/al:project": ["other"]}
        assert not judged(environment(), "deploy", action, resource, found=foreign), action


def test_a_strangers_security_group_cannot_be_made_ours() -> None:
    """Tagging is for a group that is being made, or that has our tags: with them it could be opened or removed
    (https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/supported-iam-actions-tagging.html)."""
    group = arn("ec2", "security-group/sg-1")
    being_made = {**OURS, "ec2:createaction": ["CreateSecurityGroup"]}
    assert judged(environment(), "deploy", "ec2:CreateTags", group, found=being_made)
    assert judged(environment(), "deploy", "ec2:CreateTags", group, found=TAGGED)
    later = {"ec2:createaction": (), "aws:resourcetag/al:project": (), **OURS}
    need = Need(action="ec2:CreateTags", resource=group, keys=later)
    assert not possible([text(of(environment())["deploy"])], need)


def test_with_a_boundary_no_role_is_made_or_changed_without_it() -> None:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html#access_policies_boundaries-delegate."""
    document = [text(of(BOUNDED)["deploy"])]
    edge = {"iam:permissionsboundary": [EDGE]}
    for action, tags in (
        ("iam:CreateRole", OURS),
        ("iam:PutRolePolicy", TAGGED),
        ("iam:PutRolePermissionsBoundary", TAGGED),
    ):
        assert allowed(document, Need(action=action, resource=ROLE, keys={**tags, **edge})), action
        for other in ([], [f"{EDGE}-wider"]):
            keys = {**tags, "iam:permissionsboundary": other}
            assert not possible(document, Need(action=action, resource=ROLE, keys=keys)), action
    gone = Need(action="iam:DeleteRolePermissionsBoundary", resource=ROLE, keys=TAGGED)
    assert not possible(document, gone)


@pytest.mark.parametrize("name", ["deploy-without-iam", "run"])
def test_without_iam_no_role_is_written(name: str) -> None:
    """Whoever has it runs with roles that somebody else made."""
    document = [text(of(environment())[name])]
    assert [a for a in WRITES if possible(document, Need(action=a, resource="*"))] == []


def test_running_changes_nothing_that_was_deployed() -> None:
    """It may read credentials, since runs get them, and write only records and the secrets of runs."""
    run = [text(of(environment())["run"])]
    credential = arn("secretsmanager", "secret:action-llama/shop/production/github_token/*")
    kept = {
        "secretsmanager:PutSecretValue": credential,
        "secretsmanager:DeleteSecret": credential,
        "lambda:UpdateFunctionCode": "*",
        "ecs:RegisterTaskDefinition": "*",
        "ecr:PutImage": "*",
        "dynamodb:DeleteTable": "*",
        "logs:DeleteLogGroup": "*",
        "s3:GetObject": "*",
    }
    assert [a for a, r in kept.items() if possible(run, Need(action=a, resource=r))] == []
