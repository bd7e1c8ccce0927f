"""What stands in an account under the names that we want: found with its tags and the id that Pulumi imports it by."""

import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

import pytest

from infra import existing
from infra.adoption import PERMISSION, URL, WHOLES, Found
from toolkit.clouds.aws import Clients, clients_for
from toolkit.core.environment import AwsCloud
from toolkit.core.plan import Item

TAGS = {"al:managed": "true", "al:project": "shop"}
NOBODY = json.dumps({"Version": "2012-10-17", "Statement": []})
GATEWAY = "al-shop-staging--gateway"
PAIRS = [{"Key": k, "Value": v} for k, v in TAGS.items()]
LOWER = [{"key": k, "value": v} for k, v in TAGS.items()]


@pytest.fixture
def clients(aws_cloud: AwsCloud) -> Clients:
    return clients_for(aws_cloud)


def item(kind: str, name: str, **attributes: Any) -> Item:
    return Item(kind=kind, name=name, attributes=attributes)


def only(found: tuple[Found, ...]) -> Found:
    (one,) = found
    return one


def test_an_empty_account_has_none_of_it(clients: Clients) -> None:
    """A first push."""
    wanted = [
        item("role", "r"),
        item("repository", "r"),
        item("log_group", "/ecs/g"),
        item("secret", "a/b"),
        item("cluster", "c"),
        item("security_group", "s", vpc="vpc-1"),
        item("function", GATEWAY, permissions=[{"id": "al-url"}]),
    ]
    assert {i.kind for i in wanted} == set(WHOLES)
    assert existing.find(clients, wanted) == ()


def test_a_role_is_imported_by_its_name(clients: Clients) -> None:
    """A listing leaves tags out (IAM API reference, ListRoles), so they are asked for."""
    clients.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument=NOBODY, Tags=PAIRS)
    found = only(existing.find(clients, [item("role", "r"), item("role", "r2")]))
    assert (found.item.name, dict(found.tags)) == ("r", TAGS)
    assert found.imports == {(WHOLES["role"], "r"): "r"}


def test_a_repository_is_imported_by_its_name(clients: Clients) -> None:
    """Also one whose name has directories."""
    clients.client("ecr").create_repository(repositoryName="al/gateway", tags=PAIRS)
    found = only(existing.find(clients, [item("repository", "al/gateway")]))
    assert (found.imports[WHOLES["repository"], "al/gateway"], dict(found.tags)) == ("al/gateway", TAGS)  # fmt: skip


def test_a_log_group_is_imported_by_its_name(clients: Clients) -> None:
    """Of each directory the groups with the same beginning are listed; one with a longer name is another's."""
    for name in ("/aws/lambda/al-a", "/aws/lambda/al-ab", "/ecs/al"):
        clients.client("logs").create_log_group(logGroupName=name, tags=TAGS)
    wanted = [item("log_group", name) for name in ("/aws/lambda/al-a", "/ecs/al", "/ecs/alb")]
    found = existing.find(clients, wanted)
    assert sorted(f.item.name for f in found) == ["/aws/lambda/al-a", "/ecs/al"]
    assert [dict(f.tags) for f in found] == [TAGS, TAGS]


def test_a_secret_is_imported_by_its_arn(clients: Clients) -> None:
    """Which ends in six characters that nobody can guess."""
    made = clients.client("secretsmanager").create_secret(Name="al/token", Tags=PAIRS)
    found = only(existing.find(clients, [item("secret", "al/token"), item("secret", "al/tok")]))
    assert found.imports == {(WHOLES["secret"], "al/token"): made["ARN"]}
    assert (dict(found.tags), found.restore) == (TAGS, None)


def test_a_secret_that_waits_for_its_deletion_is_found(clients: Clients) -> None:
    """Its name is taken until then (Secrets Manager API reference, CreateSecret)."""
    manager = clients.client("secretsmanager")
    arn = manager.create_secret(Name="al/token", Tags=PAIRS)["ARN"]
    manager.delete_secret(SecretId=arn, RecoveryWindowInDays=7)
    assert only(existing.find(clients, [item("secret", "al/token")])).restore == arn
    existing.restore(clients, arn)
    assert only(existing.find(clients, [item("secret", "al/token")])).restore is None


def test_a_cluster_is_imported_by_its_name_unless_it_was_deleted(clients: Clients) -> None:
    """ECS tells of deleted clusters for a while, as inactive (ECS API reference, DeleteCluster)."""
    ecs = clients.client("ecs")
    ecs.create_cluster(clusterName="c", tags=LOWER)
    found = only(existing.find(clients, [item("cluster", "c")]))
    assert (found.imports, dict(found.tags)) == ({(WHOLES["cluster"], "c"): "c"}, TAGS)
    ecs.delete_cluster(cluster="c")
    assert existing.find(clients, [item("cluster", "c")]) == ()


def test_a_security_group_is_imported_by_its_id_within_its_vpc(clients: Clients) -> None:
    """Its name is taken only there (EC2 API reference, CreateSecurityGroup)."""
    ec2 = clients.client("ec2")
    vpcs = [ec2.create_vpc(CidrBlock=f"10.{n}.0.0/16")["Vpc"]["VpcId"] for n in range(2)]
    ids = [
        ec2.create_security_group(GroupName="al", Description="x", VpcId=vpc)["GroupId"]
        for vpc in vpcs
    ]
    found = only(existing.find(clients, [item("security_group", "al", vpc=vpcs[1])]))
    assert found.imports == {(WHOLES["security_group"], "al"): ids[1]}


def test_a_function_is_imported_with_its_url_and_those_permissions_that_are_there(
    clients: Clients,
) -> None:
    """A push may have died between any two of them."""
    make_gateway(clients)
    wanted = item("function", GATEWAY, permissions=[{"id": "al-url"}, {"id": "al-invoke"}])
    found = only(existing.find(clients, [wanted]))
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
    clients: Clients, counted: Callable[[Clients], list[str]]
) -> None:
    """A hundred agents' first push looks as often as one agent's."""
    wanted = [
        thing
        for n in range(100)
        for thing in (
            item("role", f"al-{n}-task-role"),
            item("repository", f"al-{n}"),
            item("log_group", f"/aws/lambda/al-{n}"),
            item("secret", f"al/{n}"),
        )
    ]
    calls = counted(clients)
    existing.find(clients, wanted)
    assert sorted(calls) == [
        "ecr.DescribeRepositories",
        "iam.ListRoles",
        "logs.DescribeLogGroups",
        "secretsmanager.ListSecrets",
    ]
