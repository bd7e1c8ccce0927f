"""The sandbox's engine and security groups, capacity providers and boundaries: made, changed, resumed, removed."""

import json
from dataclasses import replace
from typing import Any

import pytest

from moto_tests.deployed import (
    ON_LAMBDA,
    Count,
    apply,
    client,
    items,
    journal,
    network,
    roles,
    writes,
)
from moto_tests.given import ACCOUNT, with_cloud
from toolkit.clouds.aws import clients_for, cloud_of
from toolkit.core.errors import Conflict
from toolkit.core.plan import Item
from toolkit.core.ports import Context
from toolkit.sandbox.engine import Engine

GROUP = "al-shop-staging--tasks"
ROLE = "al-shop-staging-dev-lambda-role"


def wanted(context: Context, **changes: Any) -> tuple[Item, ...]:
    return items(context, networks=[network(context, **changes)])


def groups(context: Context, name: str = GROUP) -> list[dict[str, Any]]:
    answer = client(context, "ec2").describe_security_groups(
        Filters=[{"Name": "group-name", "Values": [name]}]
    )
    return list(answer["SecurityGroups"])


def outward(group: dict[str, Any]) -> set[str]:
    """Where its rules let traffic go."""
    rules = group["IpPermissionsEgress"]
    four = {r["CidrIp"] for rule in rules for r in rule["IpRanges"]}
    return four | {r["CidrIpv6"] for rule in rules for r in rule["Ipv6Ranges"]}


def test_the_group_lets_everything_out_and_nothing_in(aws_context: Context) -> None:
    """Read back from EC2: in the default VPC, ours by its tags."""
    apply(aws_context, wanted(aws_context))
    (group,) = groups(aws_context)
    assert group["VpcId"] == network(aws_context).vpc
    assert (group["IpPermissions"], outward(group)) == ([], {"0.0.0.0/0", "::/0"})
    assert {"Key": "al:project", "Value": "shop"} in group["Tags"]


def test_applying_again_writes_nothing(aws_context: Context, counted: Count) -> None:
    """Neither rules nor associations are set twice."""
    apply(aws_context, wanted(aws_context))
    calls = counted(clients_for(cloud_of(aws_context.environment)))
    _, lines = apply(aws_context, wanted(aws_context))
    assert (writes(calls), lines) == ([], [])


def test_a_group_that_a_dead_run_made_is_adopted_and_completed(aws_context: Context) -> None:
    """Killed after the group and before its rules: the next run has exactly the rules that are wanted."""
    apply(aws_context, wanted(aws_context))
    (group,) = groups(aws_context)
    ec2 = client(aws_context, "ec2")
    rule = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22}
    ec2.authorize_security_group_ingress(
        GroupId=group["GroupId"], IpPermissions=[{**rule, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    )
    ec2.revoke_security_group_egress(
        GroupId=group["GroupId"], IpPermissions=group["IpPermissionsEgress"]
    )
    journal(aws_context).unlink()
    apply(aws_context, wanted(aws_context))
    (after,) = groups(aws_context)
    assert after["GroupId"] == group["GroupId"]
    assert (after["IpPermissions"], outward(after)) == ([], {"0.0.0.0/0", "::/0"})


def test_a_strangers_group_is_refused_by_name(aws_context: Context) -> None:
    """Nothing without our tags is changed."""
    client(aws_context, "ec2").create_security_group(GroupName=GROUP, Description="theirs")
    with pytest.raises(Conflict, match=f"security group {GROUP} is there, but not of shop/staging"):
        apply(aws_context, wanted(aws_context))


def another_vpc(context: Context) -> str:
    return str(client(context, "ec2").create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"])


def test_another_vpc_is_another_group(aws_context: Context) -> None:
    """A group cannot move (API reference, CreateSecurityGroup): the old one goes."""
    apply(aws_context, wanted(aws_context))
    vpc = another_vpc(aws_context)
    apply(aws_context, wanted(aws_context, vpc=vpc))
    assert [group["VpcId"] for group in groups(aws_context)] == [vpc]


def test_a_strangers_group_in_another_vpc_is_left_alone(aws_context: Context) -> None:
    """A name is taken in one VPC only."""
    vpc = another_vpc(aws_context)
    client(aws_context, "ec2").create_security_group(
        GroupName=GROUP, Description="theirs", VpcId=vpc
    )
    apply(aws_context, wanted(aws_context))
    Engine(aws_context).apply([], progress=lambda _: None)
    assert [group["VpcId"] for group in groups(aws_context)] == [vpc]


def test_a_move_that_fails_in_the_middle_is_finished_by_the_next_call(aws_context: Context) -> None:
    """The old group is gone and the new one refused: the next call makes it."""
    apply(aws_context, wanted(aws_context))
    vpc, ec2 = another_vpc(aws_context), client(aws_context, "ec2")
    theirs = ec2.create_security_group(GroupName=GROUP, Description="theirs", VpcId=vpc)
    with pytest.raises(Conflict):
        apply(aws_context, wanted(aws_context, vpc=vpc))
    ec2.delete_security_group(GroupId=theirs["GroupId"])
    apply(aws_context, wanted(aws_context, vpc=vpc))
    assert [group["VpcId"] for group in groups(aws_context)] == [vpc]


def test_a_project_without_tasks_loses_the_group(aws_context: Context) -> None:
    """The last agent on Fargate takes it along."""
    apply(aws_context, wanted(aws_context))
    apply(aws_context, items(aws_context, {"dev": ON_LAMBDA}))
    assert groups(aws_context) == []


def test_destroy_removes_the_group_and_the_capacity(aws_context: Context) -> None:
    """And what was removed by hand before is no error."""
    apply(aws_context, wanted(aws_context))
    (group,) = groups(aws_context)
    client(aws_context, "ec2").delete_security_group(GroupId=group["GroupId"])
    Engine(aws_context).apply([], progress=lambda _: None)
    assert (groups(aws_context), roles(aws_context)) == ([], [])
    (cluster,) = client(aws_context, "ecs").describe_clusters(clusters=["al-shop-staging"])[
        "clusters"
    ]
    assert (cluster["status"], cluster["capacityProviders"]) == ("INACTIVE", [])


def test_the_cluster_has_both_capacities(aws_context: Context) -> None:
    """Tasks ask for FARGATE_SPOT by name
    (https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_PutClusterCapacityProviders.html)."""
    apply(aws_context, wanted(aws_context))
    (cluster,) = client(aws_context, "ecs").describe_clusters(clusters=["al-shop-staging"])[
        "clusters"
    ]
    assert cluster["capacityProviders"] == ["FARGATE", "FARGATE_SPOT"]
    assert cluster["defaultCapacityProviderStrategy"] == []


def test_a_cluster_of_an_older_push_gets_the_capacity(aws_context: Context) -> None:
    """One that is there, ours, and has none."""
    tags = [{"key": k, "value": v} for k, v in aws_context.names.tags().items()]
    client(aws_context, "ecs").create_cluster(clusterName="al-shop-staging", tags=tags)
    apply(aws_context, wanted(aws_context))
    (cluster,) = client(aws_context, "ecs").describe_clusters(clusters=["al-shop-staging"])[
        "clusters"
    ]
    assert "FARGATE_SPOT" in cluster["capacityProviders"]


# boundaries


def boundary(context: Context, name: str) -> str:
    """A managed policy that allows logs, and nothing else."""
    statement = {"Effect": "Allow", "Action": "logs:*", "Resource": "*"}
    document = {"Version": "2012-10-17", "Statement": [statement]}
    answer = client(context, "iam").create_policy(
        PolicyName=name, PolicyDocument=json.dumps(document)
    )
    return str(answer["Policy"]["Arn"])


def bounded(context: Context, arn: str | None) -> tuple[Item, ...]:
    return items(with_cloud(context, permission_boundary=arn))


def edge(context: Context) -> str | None:
    found = client(context, "iam").get_role(RoleName=ROLE)["Role"]
    return found.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn")


def test_a_role_is_made_with_its_boundary(aws_context: Context) -> None:
    """Never for a moment without: an operator's policy may demand it of CreateRole
    (https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html)."""
    arn = boundary(aws_context, "edge")
    apply(aws_context, bounded(aws_context, arn))
    assert edge(aws_context) == arn == f"arn:aws:iam::{ACCOUNT}:policy/edge"


def test_a_boundary_comes_changes_and_goes(aws_context: Context) -> None:
    """Each is an update of the roles, and of nothing else."""
    one, other = (boundary(aws_context, name) for name in ("one", "other"))
    apply(aws_context, bounded(aws_context, None))
    seen = []
    for arn in (one, other, None):
        _, lines = apply(aws_context, bounded(aws_context, arn))
        seen.append((edge(aws_context), {line.split(" al-")[0] for line in lines}))
    assert seen == [(one, {"updated role"}), (other, {"updated role"}), (None, {"updated role"})]


def test_a_changed_trust_policy_is_an_update(aws_context: Context) -> None:
    """The role stays, and with it whoever uses it."""
    apply(aws_context, items(aws_context))
    found = {item.key: item for item in items(aws_context)}
    role = found[("role", ROLE)]
    trust = {**role.attributes["trust"], "Id": "another"}
    found[role.key] = replace(role, attributes={**role.attributes, "trust": trust})
    _, lines = apply(aws_context, tuple(found.values()))
    live = client(aws_context, "iam").get_role(RoleName=ROLE)["Role"]
    assert lines == [f"updated role {ROLE}"]
    assert live["AssumeRolePolicyDocument"]["Id"] == "another"


def test_a_changed_tag_is_an_update(aws_context: Context) -> None:
    """Tags are attributes of ours."""
    apply(aws_context, items(aws_context))
    found = {item.key: item for item in items(aws_context)}
    role = found[("role", ROLE)]
    found[role.key] = replace(role, tags={**role.tags, "al:team": "blue"})
    _, lines = apply(aws_context, tuple(found.values()))
    tags = client(aws_context, "iam").list_role_tags(RoleName=ROLE)["Tags"]
    assert lines == [f"updated role {ROLE}"]
    assert {"Key": "al:team", "Value": "blue"} in tags


def test_a_role_that_the_user_brings_is_neither_made_nor_removed(aws_context: Context) -> None:
    """It is there before us and after us, untouched, even under a name of ours."""
    trust = json.dumps({"Version": "2012-10-17", "Statement": []})
    iam = client(aws_context, "iam")
    iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=trust)
    own = with_cloud(aws_context, agent_roles=(("dev", "lambda", ROLE),))
    apply(aws_context, items(own))
    Engine(aws_context).apply([], progress=lambda _: None)
    assert roles(aws_context) == [ROLE]
    assert iam.list_role_policies(RoleName=ROLE)["PolicyNames"] == []
