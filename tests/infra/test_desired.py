"""What an account should hold for a project."""

import json
import re
from dataclasses import replace
from typing import Any

import pytest

from infra.desired.aws import desired
from infra.desired.digest import digest
from infra.desired.policy import text
from tests.infra.scenes import (
    ACCOUNT,
    ON_FARGATE,
    ON_LAMBDA,
    REGION,
    TOKEN,
    deployed,
    environment,
    find,
    grant,
    image,
    items,
    names,
    resources,
    statements,
)
from toolkit.core.agent import CredentialRef
from toolkit.core.environment import Environment, Scope
from toolkit.core.errors import ConfigError, LimitExceeded

LONG = "x" * 64
AGENTS_ROLES = [
    "al-shop-production-dev-lambda-role",
    "al-shop-production-long-execution-role",
    "al-shop-production-long-task-role",
]


def test_everything_of_a_small_project_by_name() -> None:
    """One repository and identity per agent, the gateway's, and what the environment shares."""
    assert [item.key for item in items()] == [
        ("repository", "al-shop-production-dev"),
        ("repository", "al-shop-production-long"),
        ("repository", "al-shop-production/base"),
        ("repository", "al-shop-production/gateway"),
        ("log_group", "/aws/lambda/al-shop-production--gateway"),
        ("log_group", "/aws/lambda/al-shop-production-dev"),
        ("log_group", "/ecs/al-shop-production"),
        ("network", "al-shop-production--tasks"),
        ("security_group", "al-shop-production--tasks"),
        ("cluster", "al-shop-production"),
        ("secret", "action-llama/shop/production/gateway_api_key/default/key"),
        ("secret", "action-llama/shop/production/github_token/default/token"),
        ("role", "al-shop-production--gateway-lambda-role"),
        *(("role", name) for name in AGENTS_ROLES),
        ("function", "al-shop-production--gateway"),
        ("event_rule", "al-shop-production--ends"),
        ("event_rule", "al-shop-production--timer"),
    ]


def test_the_order_of_agents_and_credentials_does_not_matter() -> None:
    """The desired state is a set: its digest must not depend on how the files were read."""
    env = environment()
    dev, long = deployed(env, "dev", ON_LAMBDA), deployed(env, "long", ON_FARGATE)
    other = (CredentialRef(type="slack_bot_token"), ("token",))
    one = desired(env, [dev, long], [TOKEN, other], gateway_image=image())
    two = desired(env, [long, dev], [other, TOKEN, TOKEN], gateway_image=image())
    assert one == two


def test_everything_that_is_made_is_tagged_as_ours() -> None:
    """Nothing without our tags is ever changed or deleted, so everything must have them; a network is only found."""
    ours = {"al:managed": "true", "al:project": "shop", "al:environment": "production"}
    bare = {item.kind for item in items() if not ours.items() <= item.tags.items()}
    assert bare == {"network"}


def test_what_belongs_to_an_agent_says_so() -> None:
    """An agent's things carry its name."""
    wanted = items()
    of_dev = [i.kind for i in wanted if i.tags.get("al:agent") == "dev"]
    assert of_dev == ["repository", "log_group", "role"]
    assert "al:agent" not in find(wanted, "cluster", "al-shop-production").tags


@pytest.mark.parametrize("name", AGENTS_ROLES)
def test_an_agents_role_names_the_agent_in_all_that_it_may_touch(name: str) -> None:
    """One agent's role is of no use for another's secrets, rows, logs or images."""
    role = find(items(), "role", name)
    scoped = [
        json.dumps(statement)
        for statement in statements(role)
        if statement["Action"] != "ecr:GetAuthorizationToken"
    ]
    agent = role.tags["al:agent"]
    assert [s for s in scoped if not re.search(rf"[-/:]{agent}\b", s)] == []


def test_no_agent_s_role_names_everything() -> None:
    """`*` stands alone for the login to the registry, which knows no resource, and for nothing else."""
    wanted = items()
    alone = [
        statement["Action"]
        for name in AGENTS_ROLES
        for statement in statements(find(wanted, "role", name))
        if statement["Resource"] == "*"
    ]
    assert alone == ["ecr:GetAuthorizationToken"]


def test_no_agent_may_list_or_make_secrets_or_scan_the_table() -> None:
    """Two runs of one agent share a role and must not find each other's secret."""
    wanted = items()
    policies = text({n: find(wanted, "role", n).attributes["policy"] for n in AGENTS_ROLES})
    forbidden = ("ListSecrets", "CreateSecret", "PutSecretValue", "dynamodb:Scan", "iam:")
    assert [word for word in forbidden if word in policies] == []


def test_no_agent_reads_a_long_lived_credential() -> None:
    """Agents read their run's secret; only the gateway reads its API key."""
    reads = [r for name in AGENTS_ROLES for r in resources(find(items(), "role", name))]
    secrets = [r for r in reads if ":secret:" in r]
    assert secrets
    assert [s for s in secrets if ":secret:action-llama/shop/production/runs/" not in s] == []


def test_lambda_may_pull_for_one_function() -> None:
    """Lambda reads an image through its repository's policy
    (https://docs.aws.amazon.com/lambda/latest/dg/images-create.html)."""
    policy = find(items(), "repository", "al-shop-production-dev").attributes["policy"]
    function = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:al-shop-production-dev"
    (statement,) = policy["Statement"]
    assert statement["Principal"] == {"Service": "lambda.amazonaws.com"}
    assert statement["Action"] == ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    assert statement["Condition"] == {"StringLike": {"aws:SourceArn": [function, f"{function}:*"]}}


def test_nobody_else_may_pull_what_runs_on_fargate() -> None:
    """Fargate pulls with the execution role; its repository needs no policy."""
    assert find(items(), "repository", "al-shop-production-long").attributes["policy"] is None


def test_an_image_that_a_definition_names_never_expires() -> None:
    """Only untagged images expire, and tags never move, so a definition's digest keeps its tag
    (https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html)."""
    repository = find(items(), "repository", "al-shop-production-dev").attributes
    (rule,) = repository["lifecycle"]["rules"]
    assert rule["selection"]["tagStatus"] == "untagged"
    assert repository["immutable"] is True


def test_a_lifecycle_policy_has_at_least_100_characters() -> None:
    """ECR takes 100 to 30,720
    (https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutLifecyclePolicy.html)."""
    rules = find(items(), "repository", "al-shop-production-dev").attributes["lifecycle"]
    assert 100 <= len(text(rules)) <= 30_720


def test_images_are_looked_at_when_they_are_pushed() -> None:
    """Scanning costs nothing and finds known holes."""
    assert all(i.attributes["scan_on_push"] for i in items() if i.kind == "repository")


def test_every_log_group_forgets() -> None:
    """A group that Lambda makes by itself never forgets
    (https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs.html)."""
    wanted = items(environment(log_retention_days=45))
    kept = {i.attributes["retention_days"] for i in wanted if i.kind == "log_group"}
    assert kept == {60}


def test_the_group_of_fargate_tasks_is_there_before_them() -> None:
    """A task whose awslogs-group is missing does not start
    (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/specify-log-config.html)."""
    assert "/ecs/al-shop-production" in names(items(), "log_group")


def test_the_urls_answers_are_buffered() -> None:
    """Mangum answers at once; BUFFERED carries 6 MB
    (https://docs.aws.amazon.com/lambda/latest/dg/configuration-response-streaming.html)."""
    function = find(items(), "function", "al-shop-production--gateway").attributes
    assert function["url"] == {"auth": "NONE", "invoke_mode": "BUFFERED"}


def test_statement_ids_are_what_lambda_takes() -> None:
    """Up to 100 letters, digits, hyphens and underscores, each once
    (https://docs.aws.amazon.com/lambda/latest/api/API_AddPermission.html)."""
    function = find(items(), "function", "al-shop-production--gateway").attributes
    ids = [p["id"] for p in function["permissions"]]
    assert len(set(ids)) == len(ids)
    assert all(len(i) <= 100 and i.replace("-", "").isalnum() for i in ids)


def test_without_an_image_there_is_no_function() -> None:
    """A first push makes the gateway's repository before there is an image to run."""
    first = items(gateway=None)
    assert names(first, "function") == []
    assert "al-shop-production/gateway" in names(first, "repository")
    assert "al-shop-production--gateway-lambda-role" in names(first, "role")


@pytest.mark.parametrize(
    "reference", ["latest", "123456789012.dkr.ecr.eu-central-1.amazonaws.com/g:1"]
)
def test_a_gateway_image_by_tag_is_refused(reference: str) -> None:
    """Lambda resolves a tag once, at deployment, so only a digest says what runs
    (https://docs.aws.amazon.com/lambda/latest/dg/images-create.html)."""
    with pytest.raises(ConfigError, match="digest"):
        items(gateway=reference)


def test_credentials_are_containers_without_values() -> None:
    """Parameters of requests are in CloudTrail, and Pulumi's state is a file: values go elsewhere
    (https://docs.aws.amazon.com/secretsmanager/latest/userguide/best-practices.html)."""
    secrets = [i for i in items() if i.kind == "secret"]
    assert [dict(i.attributes) for i in secrets] == [
        {"description": "key of the credential gateway_api_key"},
        {"description": "token of the credential github_token"},
    ]


def two(one: Environment, other: Environment) -> tuple[set[Any], set[Any]]:
    return {i.key for i in items(one)}, {i.key for i in items(other)}


def test_two_environments_of_one_account_share_no_name() -> None:
    """Staging and production may live in one account, and tearing one down leaves the other."""
    one, other = two(environment("production"), environment("staging"))
    assert one & other == set()


def test_two_projects_of_one_account_share_no_name() -> None:
    """Likewise two projects with an environment of one name."""
    one, other = two(environment(project="shop"), environment(project="shop-b"))
    assert one & other == set()


def test_long_names_that_begin_alike_stay_apart() -> None:
    """Shortening keeps the beginning, so the hash must tell them apart."""
    one, other = two(environment(project=LONG + "1"), environment(project=LONG + "2"))
    assert one & other == set()


def test_the_predecessors_names_are_kept_when_asked_for() -> None:
    """nameScope = "legacy" finds what an older deployment has made."""
    env = environment()
    env = replace(env, scope=Scope(project="shop", environment="production", legacy_names=True))
    wanted = items(env, gateway=None)
    assert names(wanted, "cluster") == ["al-cluster"]
    assert "al-dev-lambda-role" in names(wanted, "role")


def test_a_project_name_that_ecr_refuses_is_refused_here() -> None:
    """Repositories are lower-case
    (https://docs.aws.amazon.com/AmazonECR/latest/userguide/repository-create.html)."""
    with pytest.raises(LimitExceeded, match="al-Shop-production"):
        items(environment(project="Shop"))


def test_a_local_environment_has_nothing_on_aws() -> None:
    """Asking for it is a mistake with a clear answer."""
    local = Environment(name="local", scope=Scope(project="shop", environment="local"))
    with pytest.raises(ConfigError, match="not on AWS"):
        desired(local, [], [], gateway_image=None)


def test_a_grant_that_is_too_wide_stops_everything() -> None:
    """A runtime that asks for too much is found before anything is made."""
    env = environment()
    agent, runtime, _ = deployed(env, "dev", ON_LAMBDA)
    with pytest.raises(Exception, match="every resource"):
        desired(env, [(agent, runtime, (grant(resources=("*",)),))], [], gateway_image=None)


def test_sixty_agents_fit() -> None:
    """Far more than a project has."""
    assert len(names(items(agents={f"agent-{n}": ON_LAMBDA for n in range(60)}), "role")) == 61


def test_the_digest_changes_with_the_state_and_only_then() -> None:
    """It decides whether a push runs Pulumi."""
    assert digest(items()) == digest(reversed(items()))
    assert digest(items()) != digest(items(gateway=image(digit="1")))
    assert digest(items()) != digest(items(environment(log_retention_days=60)))
