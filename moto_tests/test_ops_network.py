"""Which network a project's runs are in: decided once, from the environment's file or the account, before anything is made."""

from pathlib import Path
from typing import Any

import pytest

from infra.desired.network import Network
from moto_tests.deployed import Count
from moto_tests.given import agent, with_cloud
from toolkit.clouds.aws import clients_for, cloud_of
from toolkit.core.agent import Project
from toolkit.core.errors import ConfigError, NotFound
from toolkit.core.ports import Context
from toolkit.ops import infrastructure, network
from toolkit.wiring import Services

LONG = Project(name="shop", directory=Path(), agents=(agent("long", timeout=3600),))
SHORT = Project(name="shop", directory=Path(), agents=(agent("dev", timeout=60),))


def ec2(context: Context) -> Any:
    return clients_for(cloud_of(context.environment)).client("ec2")


def vpc_with_subnets(context: Context, number: int) -> tuple[str, tuple[str, ...]]:
    """A VPC of its own, and two subnets in it."""
    service = ec2(context)
    vpc = service.create_vpc(CidrBlock=f"10.{number}.0.0/16")["Vpc"]["VpcId"]
    made = [
        service.create_subnet(VpcId=vpc, CidrBlock=f"10.{number}.{n}.0/24")["Subnet"]["SubnetId"]
        for n in (1, 2)
    ]
    return vpc, tuple(made)


def group_in(context: Context, vpc: str) -> str:
    answer = ec2(context).create_security_group(GroupName="mine", Description="mine", VpcId=vpc)
    return str(answer["GroupId"])


def found(context: Context, project: Project = LONG, **facts: Any) -> tuple[Network, ...]:
    return network.networks(Services(context, project), project, facts)


def test_tasks_run_in_the_default_vpc_unless_told_otherwise(aws_context: Context) -> None:
    """Found by its default subnets, and named."""
    (vpc,) = ec2(aws_context).describe_vpcs(Filters=[{"Name": "isDefault", "Values": ["true"]}])[
        "Vpcs"
    ]
    (tasks,) = found(aws_context)
    assert (tasks.of, tasks.vpc, tasks.default, tasks.public) == ("tasks", vpc["VpcId"], True, True)
    assert len(tasks.subnets) > 1


def test_the_user_s_subnets_decide_the_vpc(aws_context: Context) -> None:
    """In the order of the file, without a public address when it says so."""
    vpc, subnets = vpc_with_subnets(aws_context, 8)
    (tasks,) = found(with_cloud(aws_context, subnets=subnets, assign_public_ip=False))
    assert tasks == Network(of="tasks", vpc=vpc, subnets=subnets)


def test_subnets_of_two_vpcs_are_refused(aws_context: Context) -> None:
    """All are of one VPC
    (https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_AwsVpcConfiguration.html)."""
    one, other = (vpc_with_subnets(aws_context, n)[1][0] for n in (8, 9))
    with pytest.raises(ConfigError, match="the subnets of `subnets` are in several VPCs"):
        found(with_cloud(aws_context, subnets=(one, other)))


def test_a_group_of_another_vpc_is_refused(aws_context: Context) -> None:
    """Likewise the security groups (same page)."""
    (_, subnets), (elsewhere, _) = (vpc_with_subnets(aws_context, n) for n in (8, 9))
    group = group_in(aws_context, elsewhere)
    with pytest.raises(ConfigError, match=f"{group} of `securityGroups` is not in vpc-"):
        found(with_cloud(aws_context, subnets=subnets, security_groups=(group,)))


def test_groups_of_the_subnets_vpc_are_taken(aws_context: Context) -> None:
    """Then none of ours is made."""
    vpc, subnets = vpc_with_subnets(aws_context, 8)
    group = group_in(aws_context, vpc)
    (tasks,) = found(with_cloud(aws_context, subnets=subnets, security_groups=(group,)))
    assert tasks.groups == (group,)


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        ({"subnets": ("subnet-0123456789abcdef0",)}, "`subnets`"),
        ({"security_groups": ("sg-0123456789abcdef0",)}, "`securityGroups`"),
    ],
)
def test_what_is_not_there_is_named_with_its_setting(
    aws_context: Context, settings: dict[str, tuple[str, ...]], key: str
) -> None:
    """A slip in the file is found before anything is made."""
    with pytest.raises(NotFound, match=key) as caught:
        found(with_cloud(aws_context, **settings))
    assert f"correct {key}" in caught.value.hint


def test_an_account_without_a_default_vpc_is_told_what_to_set(aws_context: Context) -> None:
    """https://docs.aws.amazon.com/vpc/latest/userguide/default-vpc.html"""
    service = ec2(aws_context)
    for subnet in service.describe_subnets()["Subnets"]:
        service.delete_subnet(SubnetId=subnet["SubnetId"])
    with pytest.raises(ConfigError, match="has no default subnets") as caught:
        found(aws_context)
    assert "set `subnets` in the environment's file" in caught.value.hint


def test_functions_need_no_network(aws_context: Context, counted: Count) -> None:
    """Unless the environment puts them into a VPC; nobody is asked."""
    calls = counted(clients_for(cloud_of(aws_context.environment)))
    assert found(aws_context, SHORT) == ()
    assert calls == []


def test_functions_in_a_vpc_have_a_network_of_their_own(aws_context: Context) -> None:
    """Subnets and groups go together or not at all
    (https://docs.aws.amazon.com/lambda/latest/api/API_VpcConfig.html), so a group of ours is made."""
    vpc, subnets = vpc_with_subnets(aws_context, 8)
    (functions,) = found(with_cloud(aws_context, lambda_subnets=subnets), SHORT)
    assert functions == Network(of="functions", vpc=vpc, subnets=subnets)


def test_what_is_a_fact_is_not_asked_again(aws_context: Context, counted: Count) -> None:
    """An unchanged push makes no call."""
    services = Services(aws_context, LONG)
    wanted = infrastructure.items(services, LONG, {}, gateway_image=None)
    fact = network.fact(services, LONG, wanted)
    calls = counted(clients_for(cloud_of(aws_context.environment)))
    again = infrastructure.items(services, LONG, {network.FACT: fact}, gateway_image=None)
    assert again == wanted
    assert calls == []


def test_other_settings_are_looked_up_anew(aws_context: Context) -> None:
    """The fact answers one question only."""
    services = Services(aws_context, LONG)
    wanted = infrastructure.items(services, LONG, {}, gateway_image=None)
    fact = network.fact(services, LONG, wanted)
    vpc, subnets = vpc_with_subnets(aws_context, 8)
    (tasks,) = found(with_cloud(aws_context, subnets=subnets), network=fact)
    assert tasks.vpc == vpc


def test_an_apply_records_the_network(aws_context: Context) -> None:
    """With what it made, so that the next push need not look."""
    services, facts = Services(aws_context, LONG), dict[str, Any]()
    services.ledger.prepare()
    wanted = infrastructure.items(services, LONG, facts, gateway_image=None)
    infrastructure.apply(services, wanted, facts, progress=lambda _: None, check=lambda: None)
    recorded = services.ledger.fact(network.FACT)
    assert [one["of"] for one in recorded["found"]] == ["tasks"]
    assert found(aws_context, network=recorded) == found(aws_context)


def test_the_plan_says_where_tasks_run(aws_context: Context) -> None:
    """VPC and subnets by name, and the group that is made in it."""
    services = Services(aws_context, LONG)
    wanted = infrastructure.items(services, LONG, {}, gateway_image=None)
    reasons = {c.item.kind: c.reason for c in infrastructure.plan({}, wanted).changes}
    assert "runs in the default VPC vpc-" in reasons["network"]
    assert "security_group" in reasons
