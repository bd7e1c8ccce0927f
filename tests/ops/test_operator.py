"""The policies for whoever runs `al`: small enough for IAM, wide enough for the commands, and no way up."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from infra.desired.operator import MANAGED_SIZE
from infra.desired.policy import INLINE_SIZE, text
from infra.desired.without_resource import IN_ROLES, OF_OPERATORS
from infra.reconcile.policy import Need, allowed, possible
from tests.infra.scenes import ACCOUNT, CLOUD, REGION, deployed, environment, items
from toolkit.core.environment import Environment, Scope
from toolkit.core.errors import ConfigError
from toolkit.core.ports import Context
from toolkit.ops import preflight_network
from toolkit.ops.operator import policies
from toolkit.wiring import Services

NOWHERE = Path("/nowhere")
EDGE = f"arn:aws:iam::{ACCOUNT}:policy/edge"
BOUNDED = environment(cloud=replace(CLOUD, permission_boundary=EDGE))
BROUGHT = replace(
    CLOUD, cluster="theirs", task_role="team/task", agent_roles=(("a", "lambda", "mine"),)
)
LONG = "a-project-with-a-name-that-is-long"
SHAPES = {
    "plain": environment(),
    "bounded": BOUNDED,
    "brought": environment(cloud=BROUGHT),
    "long": environment("an-environment-with-a-long-name-too", LONG),
    "based": environment(images={"base": f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/al-base:1"}),
    "their-bucket": environment(pulumi={"backend": "s3://theirs/state?region=eu-central-1",
                                        "secretsProvider": f"awskms:///arn:aws:kms:{REGION}:{ACCOUNT}:key/1"}),
    "legacy": replace(environment(), scope=Scope(project="shop", environment="production", legacy_names=True)),
}  # fmt: skip
OURS = {"aws:requesttag/al:project": ["shop"], "aws:requesttag/al:environment": ["production"]}
TAGGED = {key.replace("requesttag", "resourcetag"): values for key, values in OURS.items()}
ROLE = f"arn:aws:iam::{ACCOUNT}:role/al-shop-production-dev-task-role"


def of(env: Environment) -> Mapping[str, Mapping[str, Any]]:
    return policies(Services(Context(environment=env, home=NOWHERE, project=NOWHERE)))


def judged(env: Environment, name: str, action: str, resource: str = "*", **keys: Any) -> bool:
    """Whether a policy allows it, with the keys of `found` and nothing else."""
    need = Need(action=action, resource=resource, keys=keys.get("found", {}))
    return allowed([text(of(env)[name])], need)


def statements(document: Mapping[str, Any]) -> Iterator[tuple[list[str], list[str]]]:
    """(actions, resources) of each."""
    for statement in document["Statement"]:
        yield tuple(
            [v] if isinstance(v, str) else v for v in (statement["Action"], statement["Resource"])
        )  # type: ignore[misc]


def arn(service: str, rest: str) -> str:
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{rest}"


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
    assert wide(of(environment()).values()) == OF_OPERATORS.keys()


def wide(documents: Any) -> set[str]:
    """The actions that name every resource of a kind, in any of these."""
    return {
        action
        for document in documents
        for actions, resources in statements(document)
        for action in actions
        if any(r == "*" or (r.endswith((":*", "security-group/*", "vpc/*")) and r.count(":") == 5) for r in resources)
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


# whose things


def test_the_user_s_own_cluster_and_roles_are_used_and_not_changed() -> None:
    """Roles that the user brings are handed on and read."""
    env = environment(cloud=BROUGHT)
    theirs = [f"arn:aws:iam::{ACCOUNT}:role/{name}" for name in ("team/task", "mine")]
    found = {"iam:passedtoservice": ["lambda.amazonaws.com"]}
    for role in theirs:
        assert judged(env, "run", "iam:PassRole", role, found=found)
        assert judged(env, "deploy-without-iam", "iam:GetRole", role)
        assert not judged(env, "deploy", "iam:PutRolePolicy", role, found=TAGGED)
    cluster = arn("ecs", "cluster/theirs")
    assert judged(env, "deploy", "ecs:DescribeClusters", cluster)
    assert not judged(env, "deploy", "ecs:DeleteCluster", cluster)


def test_names_that_are_shortened_by_hash_are_covered() -> None:
    """A role's name has 64 characters at most, and keeps its beginning."""
    env = SHAPES["long"]
    roles = [
        i.name
        for i in items(env, {"an-agent-with-quite-a-long-name": "ecs_fargate"})
        if i.kind == "role"
    ]
    for name in roles:
        assert len(name) <= 64
        assert judged(env, "deploy", "iam:GetRole", f"arn:aws:iam::{ACCOUNT}:role/{name}")


def test_everything_that_a_push_makes_is_covered() -> None:
    """Every item of the desired state, by a right to make it."""
    makes = {
        "repository": ("ecr:CreateRepository", "repository/{}"),
        "role": ("iam:CreateRole", "role/{}"),
        "log_group": ("logs:CreateLogGroup", "log-group:{}"),
        "function": ("lambda:CreateFunction", "function:{}"),
        "secret": ("secretsmanager:CreateSecret", "secret:{}-AbCdEf"),
        "cluster": ("ecs:CreateCluster", "cluster/{}"),
        "security_group": ("ec2:CreateSecurityGroup", "security-group/*"),
    }
    made = [item for item in items() if item.kind != "network"]  # found, and used as it is
    assert {item.kind for item in made} == makes.keys()
    for item in made:
        action, named = makes[item.kind]
        resource = arn(action.partition(":")[0], named.format(item.name))
        resource = resource.replace(f":iam:{REGION}:", ":iam::")
        assert judged(environment(), "deploy", action, resource, found=OURS), item.key


def test_a_base_image_in_another_repository_can_be_pulled_and_nothing_more() -> None:
    """[images] base: https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-push-iam.html."""
    base = arn("ecr", "repository/al-base")
    assert judged(SHAPES["based"], "deploy", "ecr:BatchGetImage", base)
    assert not judged(SHAPES["based"], "deploy", "ecr:PutImage", base)
    assert not judged(environment(), "deploy", "ecr:BatchGetImage", base)


def test_the_user_s_own_bucket_and_key_are_used_and_not_made() -> None:
    """[pulumi] backend and secretsProvider."""
    env = SHAPES["their-bucket"]
    assert judged(env, "deploy", "s3:PutObject", "arn:aws:s3:::theirs/state/.pulumi/x.json")
    assert judged(env, "deploy", "kms:Decrypt", arn("kms", "key/1"))
    for action in ("s3:CreateBucket", "s3:DeleteBucket", "s3:PutBucketVersioning"):
        assert not judged(env, "deploy", action, "arn:aws:s3:::theirs")


@pytest.mark.parametrize("action", preflight_network.ACTIONS)
def test_what_doctor_asks_of_a_network_is_allowed(action: str) -> None:
    """Of subnets that the environment names, which the sandbox's own has none of."""
    for name in ("deploy", "deploy-without-iam"):
        assert judged(environment(), name, action)


def test_without_a_cloud_there_is_nothing_to_allow() -> None:
    """It says where it would be."""
    with pytest.raises(ConfigError, match="not on AWS"):
        of(replace(environment(), cloud=None))


def test_the_scene_has_an_agent_on_each_runtime() -> None:
    """So that the walks above see both kinds of roles."""
    names = {
        grant.role
        for runtime in ("aws_lambda", "ecs_fargate")
        for grant in deployed(environment(), "a", runtime)[2]
    }
    assert names == {"lambda", "task", "execution"}
    assert json.loads(text(of(environment())["run"]))["Version"] == "2012-10-17"
