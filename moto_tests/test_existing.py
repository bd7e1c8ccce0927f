"""What stands in an account under the names that we want: found with its tags and the id that Pulumi imports it by."""

import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

import pytest

from infra import existing
from infra.adoption import PERMISSION, URL, WHOLES, Found
from infra.inventory.account import Account
from toolkit.clouds.aws import Clients, clients_for, cloud_of
from toolkit.core.plan import Item
from toolkit.core.ports import Context

TAGS = {"al:managed": "true", "al:project": "shop", "al:environment": "staging"}
THEIRS = {"team": "another"}
NOBODY = json.dumps({"Version": "2012-10-17", "Statement": []})
GATEWAY = "al-shop-staging--gateway"
TIMER = "al-shop-staging--timer"
GROUP = "al-shop-staging--tasks"
ROLE = "al-shop-staging-dev-task-role"
TOKEN = "action-llama/shop/staging/github_token/default/token"


def pairs(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": k, "Value": v} for k, v in tags.items()]


@pytest.fixture
def account(aws_context: Context) -> Account:
    return Account(clients=clients_for(cloud_of(aws_context.environment)), names=aws_context.names)


def item(kind: str, name: str, **attributes: Any) -> Item:
    return Item(kind=kind, name=name, attributes=attributes)


def only(found: tuple[Found, ...]) -> Found:
    (one,) = found
    return one


def test_an_empty_account_has_none_of_it(account: Account) -> None:
    """A first push."""
    wanted = [
        item("role", ROLE),
        item("repository", "al-shop-staging-dev"),
        item("log_group", "/ecs/al-shop-staging"),
        item("secret", TOKEN),
        item("cluster", "al-shop-staging"),
        item("security_group", GROUP, vpc="vpc-1"),
        item("function", GATEWAY, permissions=[{"id": "al-url"}]),
        item("event_rule", TIMER),
    ]
    assert {i.kind for i in wanted} == set(WHOLES)
    assert existing.find(account, wanted) == ()


def test_nothing_wanted_is_nothing_asked(account: Account) -> None:
    """A project without infrastructure."""
    assert existing.find(account, []) == ()


@pytest.mark.parametrize("tags", [TAGS, THEIRS])
def test_a_rule_is_imported_by_its_name(account: Account, tags: dict[str, str]) -> None:
    """PutRule would write over it, whosever it is
    (https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutRule.html)."""
    account.client("events").put_rule(
        Name=TIMER, ScheduleExpression="rate(1 minute)", Tags=pairs(tags)
    )
    found = only(existing.find(account, [item("event_rule", TIMER)]))
    assert (found.item.name, dict(found.tags)) == (TIMER, tags)
    assert found.imports == {(WHOLES["event_rule"], TIMER): TIMER}


@pytest.mark.parametrize("tags", [TAGS, THEIRS])
def test_a_role_is_imported_by_its_name(account: Account, tags: dict[str, str]) -> None:
    """Found whoever made it."""
    account.client("iam").create_role(
        RoleName=ROLE, AssumeRolePolicyDocument=NOBODY, Tags=pairs(tags)
    )
    found = only(existing.find(account, [item("role", ROLE), item("role", f"{ROLE}2")]))
    assert (found.item.name, dict(found.tags)) == (ROLE, tags)
    assert found.imports == {(WHOLES["role"], ROLE): ROLE}


def test_a_repository_is_imported_by_its_name(account: Account) -> None:
    """Also one whose name has directories."""
    name = "al-shop-staging/gateway"
    account.client("ecr").create_repository(repositoryName=name, tags=pairs(TAGS))
    found = only(existing.find(account, [item("repository", name)]))
    assert (found.imports[WHOLES["repository"], name], dict(found.tags)) == (name, TAGS)


def test_a_log_group_is_imported_by_its_name(account: Account) -> None:
    """One with a longer name is another's."""
    ours = [f"/aws/lambda/al-shop-staging-a{more}" for more in ("", "b")]
    for name in (*ours, "/ecs/al-shop-staging"):
        account.client("logs").create_log_group(logGroupName=name, tags=TAGS)
    wanted = [item("log_group", name) for name in (ours[0], "/ecs/al-shop-staging", f"{ours[0]}c")]
    found = existing.find(account, wanted)
    assert sorted(f.item.name for f in found) == [ours[0], "/ecs/al-shop-staging"]
    assert [dict(f.tags) for f in found] == [TAGS, TAGS]


def test_a_secret_is_imported_by_its_arn(account: Account) -> None:
    """Which ends in six characters that nobody can guess."""
    made = account.client("secretsmanager").create_secret(Name=TOKEN, Tags=pairs(TAGS))
    found = only(existing.find(account, [item("secret", TOKEN), item("secret", TOKEN[:-1])]))
    assert found.imports == {(WHOLES["secret"], TOKEN): made["ARN"]}
    assert (dict(found.tags), found.restore) == (TAGS, None)


def test_a_secret_that_waits_for_its_deletion_is_found(account: Account) -> None:
    """Its name is taken until then (Secrets Manager API reference, CreateSecret)."""
    manager = account.client("secretsmanager")
    arn = manager.create_secret(Name=TOKEN, Tags=pairs(TAGS))["ARN"]
    manager.delete_secret(SecretId=arn, RecoveryWindowInDays=7)
    assert only(existing.find(account, [item("secret", TOKEN)])).restore == arn
    existing.restore(account.clients, arn)
    assert only(existing.find(account, [item("secret", TOKEN)])).restore is None


def test_a_cluster_is_imported_by_its_name_unless_it_was_deleted(account: Account) -> None:
    """ECS tells of deleted clusters for a while, as inactive (ECS API reference, DeleteCluster)."""
    ecs, name = account.client("ecs"), "al-shop-staging"
    ecs.create_cluster(clusterName=name, tags=[{"key": k, "value": v} for k, v in TAGS.items()])
    found = only(existing.find(account, [item("cluster", name)]))
    assert (found.imports, dict(found.tags)) == ({(WHOLES["cluster"], name): name}, TAGS)
    ecs.delete_cluster(cluster=name)
    assert existing.find(account, [item("cluster", name)]) == ()


def test_a_security_group_is_imported_by_its_id_within_its_vpc(account: Account) -> None:
    """Its name is taken only there (EC2 API reference, CreateSecurityGroup)."""
    ec2 = account.client("ec2")
    vpcs = [ec2.create_vpc(CidrBlock=f"10.{n}.0.0/16")["Vpc"]["VpcId"] for n in range(2)]
    ids = [
        ec2.create_security_group(GroupName=GROUP, Description="x", VpcId=vpc)["GroupId"]
        for vpc in vpcs
    ]
    found = only(existing.find(account, [item("security_group", GROUP, vpc=vpcs[1])]))
    assert found.imports == {(WHOLES["security_group"], GROUP): ids[1]}
    everywhere = existing.find(account, [item("security_group", GROUP)])
    assert sorted(f.imports[WHOLES["security_group"], GROUP] for f in everywhere) == sorted(ids)


def test_a_function_is_imported_with_its_url_and_those_permissions_that_are_there(
    account: Account,
) -> None:
    """A push may have died between any two of them."""
    make_gateway(account.clients)
    wanted = item("function", GATEWAY, permissions=[{"id": "al-url"}, {"id": "al-invoke"}])
    found = only(existing.find(account, [wanted]))
    assert dict(found.tags) == TAGS
    assert found.imports == {
        (WHOLES["function"], GATEWAY): GATEWAY,
        (URL, GATEWAY): GATEWAY,
        (PERMISSION, f"{GATEWAY}-al-url"): f"{GATEWAY}/al-url",
    }


def make_gateway(clients: Clients) -> None:
    """The function, its URL, and the first of two permissions."""
    role = clients.client("iam").create_role(RoleName="g", AssumeRolePolicyDocument=NOBODY)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("x.py", "")
    functions = clients.client("lambda")
    functions.create_function(
        FunctionName=GATEWAY,
        Runtime="python3.11",
        Handler="x.y",
        Role=role["Role"]["Arn"],
        Code={"ZipFile": archive.getvalue()},
        Tags=TAGS,
    )
    functions.create_function_url_config(FunctionName=GATEWAY, AuthType="NONE")
    functions.add_permission(
        FunctionName=GATEWAY,
        StatementId="al-url",
        Action="lambda:InvokeFunctionUrl",
        Principal="*",
        FunctionUrlAuthType="NONE",
    )


def test_the_number_of_calls_does_not_grow_with_the_agents(
    account: Account, counted: Callable[[Clients], list[str]]
) -> None:
    """A hundred agents' first push looks as often as one agent's: tags are asked for where a name is taken."""
    wanted = [
        thing
        for n in range(100)
        for thing in (
            item("role", f"al-shop-staging-{n}-task-role"),
            item("repository", f"al-shop-staging-{n}"),
            item("log_group", f"/aws/lambda/al-shop-staging-{n}"),
            item("secret", f"{TOKEN}{n}"),
        )
    ]
    calls = counted(account.clients)
    existing.find(account, wanted)
    assert sorted(calls) == [
        "ecr.DescribeRepositories",
        "iam.GetAccountAuthorizationDetails",
        "iam.ListRoles",
        "logs.DescribeLogGroups",
        "logs.DescribeLogGroups",
        "secretsmanager.ListSecrets",
        "secretsmanager.ListSecrets",
    ]
