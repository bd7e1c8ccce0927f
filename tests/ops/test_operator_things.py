"""The policies for whoever runs `al`, thing by thing: what is ours is used, and what is another's is left."""

import json
from dataclasses import replace

import pytest

from infra.desired.policy import text
from infra.reconcile.policy import Need, possible
from tests.infra.scenes import ACCOUNT, REGION, deployed, environment, items
from tests.ops.operators import (
    BROUGHT,
    EDGE,
    OURS,
    SHAPES,
    TAGGED,
    arn,
    judged,
    of,
)
from toolkit.core.errors import ConfigError
from toolkit.ops.doctor import preflight_network


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


THEIRS = {
    "aws:resourcetag/al:project": ["shop"],
    "aws:resourcetag/al:environment": ["production-eu"],
}
NAMESAKES = {
    "lambda:DeleteFunction": arn("lambda", "function:al-shop-production-eu-a"),
    "lambda:UpdateFunctionCode": arn("lambda", "function:al-shop-production-eu-a"),
    "lambda:InvokeFunction": arn("lambda", "function:al-shop-production-eu-a"),
    "ecr:DeleteRepository": arn("ecr", "repository/al-shop-production-eu-a"),
    "ecr:PutImage": arn("ecr", "repository/al-shop-production-eu-a"),
    "logs:DeleteLogGroup": arn("logs", "log-group:/aws/lambda/al-shop-production-eu-a"),
    "logs:GetLogEvents": arn("logs", "log-group:/aws/lambda/al-shop-production-eu-a:log-stream:x"),
    "ecs:DeleteTaskDefinitions": arn("ecs", "task-definition/al-shop-production-eu-a:1"),
    "ecs:TagResource": arn("ecs", "task-definition/al-shop-production-eu-a:1"),
}


@pytest.mark.parametrize("action", NAMESAKES)
def test_another_environment_s_things_are_safe_though_their_names_begin_alike(action: str) -> None:
    """By tag; what has gone, or was made by Lambda, has none, and the service answers for itself
    (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html#Conditions_IfExists)."""
    resource = NAMESAKES[action]
    for name in ("deploy", "deploy-without-iam", "run"):
        assert not judged(environment(), name, action, resource, found=THEIRS)
    assert judged(environment(), "deploy", action, resource, found=TAGGED)
    assert judged(environment(), "deploy", action, resource)


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("lambda:GetFunction", arn("lambda", "function:al-shop-production-eu-a")),
        ("ecr:ListTagsForResource", arn("ecr", "repository/al-shop-production-eu-a")),
        (
            "logs:ListTagsForResource",
            arn("logs", "log-group:/aws/lambda/al-shop-production-eu-a"),
        ),
    ],
)
def test_whose_a_thing_is_can_be_seen(action: str, resource: str) -> None:
    """Teardown and doctor ask everything under our names whose it is, and leave it when it is another's."""
    assert judged(environment(), "deploy", action, resource, found=THEIRS)


def test_in_the_user_s_own_cluster_only_our_tasks_are_stopped() -> None:
    """RunTask tags what it starts
    (https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerservice.html)."""
    env, task = SHAPES["brought"], arn("ecs", "task/theirs/0123")
    new = {**OURS, "ecs:createaction": ["RunTask"]}
    for name in ("deploy", "run"):
        assert judged(env, name, "ecs:StopTask", task, found=TAGGED)
        assert not judged(env, name, "ecs:StopTask", task)
        assert not judged(env, name, "ecs:StopTask", task, found=THEIRS)
        assert judged(env, name, "ecs:TagResource", task, found=new)
        assert not judged(env, name, "ecs:TagResource", task, found=OURS)
        assert judged(env, name, "ecs:DescribeTasks", task)


@pytest.mark.parametrize("name", ["deploy", "deploy-without-iam"])
def test_managed_policies_of_roles_that_are_brought_can_be_read(name: str) -> None:
    """The account's and AWS's own; nobody else needs to read any."""
    for policy in (EDGE, "arn:aws:iam::aws:policy/AdministratorAccess"):
        for action in ("iam:GetPolicy", "iam:GetPolicyVersion"):
            assert judged(SHAPES["brought"], name, action, policy)
            assert not judged(environment(), name, action, policy)


def test_reading_all_identities_is_a_document_of_its_own() -> None:
    """It reads the whole account's IAM, so nobody gets it unasked."""
    action = "iam:GetAccountAuthorizationDetails"
    documents = of(environment())
    having = [n for n, d in documents.items() if possible([text(d)], Need(action=action))]
    assert having == ["read-identities"]


def test_of_the_user_s_own_bucket_only_the_folder_is_used() -> None:
    """`s3://theirs/state`: what is beside it is not Pulumi's."""
    env, bucket = SHAPES["their-bucket"], "arn:aws:s3:::theirs"
    for action in ("s3:GetObject", "s3:PutObject", "s3:DeleteObject"):
        assert judged(env, "deploy", action, f"{bucket}/state/.pulumi/meta.yaml")
        assert not judged(env, "deploy", action, f"{bucket}/stateless/x")
        assert not judged(env, "deploy", action, f"{bucket}/payroll.csv")
    folder = {"s3:prefix": ["state/.pulumi/stacks/"]}
    assert judged(env, "deploy", "s3:ListBucket", bucket, found=folder)
    assert not judged(env, "deploy", "s3:ListBucket", bucket, found={"s3:prefix": [""]})
    assert not judged(env, "deploy", "s3:ListBucket", bucket)


@pytest.mark.parametrize(
    "named",
    ["awskms://alias/al?region=eu-central-1", f"awskms:///arn:aws:kms:{REGION}:{ACCOUNT}:alias/al"],
)
def test_a_key_that_is_named_by_its_alias_is_the_only_one(named: str) -> None:
    """kms:ResourceAliases, since Pulumi decrypts without naming the key
    (https://docs.aws.amazon.com/kms/latest/developerguide/alias-authorization.html)."""
    env, key = environment(pulumi={"secretsProvider": named}), arn("kms", "key/1")
    for action in ("kms:Encrypt", "kms:Decrypt"):
        mine = {"kms:resourcealiases": ["alias/other", "alias/al"]}
        assert judged(env, "deploy", action, key, found=mine)
        assert not judged(env, "deploy", action, key, found={"kms:resourcealiases": ["alias/x"]})
        assert not judged(env, "deploy", action, key)


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
        "event_rule": ("events:PutRule", "rule/{}"),
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
