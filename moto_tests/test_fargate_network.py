"""Where a task runs: the environment's own network, else the default VPC and the group that push made."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.stub import Stubber

from moto_tests.conftest import make_group
from moto_tests.given import spec, with_cloud
from runtimes.ecs_fargate import EcsFargate
from toolkit.clouds.aws import Clients
from toolkit.core.errors import LaunchError, NotFound
from toolkit.core.ports import Context


def network(fargate: EcsFargate) -> dict[str, Any]:
    found: dict[str, Any] = fargate._run_request(spec("d:1"))["networkConfiguration"]
    inner: dict[str, Any] = found["awsvpcConfiguration"]
    return inner


def ec2(fargate: EcsFargate) -> Any:
    return fargate.clients.client("ec2")


def test_tasks_run_in_every_default_subnet_with_our_group(fargate: EcsFargate) -> None:
    """One subnet in each zone: a zone without capacity does not matter."""
    group = make_group(fargate)
    default = ec2(fargate).describe_subnets(
        Filters=[{"Name": "default-for-az", "Values": ["true"]}]
    )["Subnets"]
    assert network(fargate) == {
        "subnets": sorted(subnet["SubnetId"] for subnet in default),
        "securityGroups": [group],
        "assignPublicIp": "ENABLED",
    }


def test_who_names_subnets_and_groups_is_asked_nothing(
    aws_context: Context, counted: Callable[[Clients], list[str]]
) -> None:
    """The environment's file says it all."""
    own = with_cloud(
        aws_context, subnets=("subnet-1",), security_groups=("sg-1",), assign_public_ip=False
    )
    fargate = EcsFargate(own)
    calls = counted(fargate.clients)
    assert network(fargate) == {
        "subnets": ["subnet-1"],
        "securityGroups": ["sg-1"],
        "assignPublicIp": "DISABLED",
    }
    assert calls == []


def test_the_group_is_looked_for_in_the_subnets_vpc(fargate: EcsFargate) -> None:
    """A group of that name in another VPC is not ours to use there
    (https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_AwsVpcConfiguration.html: all of one VPC)."""
    make_group(fargate)
    service = ec2(fargate)
    vpc = service.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    subnet = service.create_subnet(VpcId=vpc, CidrBlock="10.9.1.0/24")["Subnet"]["SubnetId"]
    other = EcsFargate(with_cloud(fargate._context, subnets=(subnet,)))
    with pytest.raises(NotFound, match=f"al-shop-staging--tasks is not in {vpc}"):
        network(other)


def test_a_stranger_s_group_of_our_name_is_not_used(fargate: EcsFargate) -> None:
    """What does not carry our tags may let anybody in."""
    ec2(fargate).create_security_group(GroupName="al-shop-staging--tasks", Description="theirs")
    with pytest.raises(NotFound) as caught:
        network(fargate)
    assert "al push -E staging" in caught.value.hint


def test_a_group_that_comes_later_is_found(fargate: EcsFargate) -> None:
    """Only what was found is remembered."""
    with pytest.raises(NotFound):
        network(fargate)
    group = make_group(fargate)
    assert network(fargate)["securityGroups"] == [group]


@pytest.mark.parametrize(
    ("vpcs", "said", "hint"),
    [
        ([], "region us-east-1 has no default VPC", "create-default-vpc"),
        ([{"VpcId": "vpc-1"}], "vpc-1 of us-east-1 has no default subnets", "default-subnet"),
    ],
)
def test_a_region_without_a_default_network_says_what_to_set(
    fargate: EcsFargate, pushed: str, vpcs: list[dict[str, str]], said: str, hint: str
) -> None:
    """Then only the environment's file can say where tasks run
    (https://docs.aws.amazon.com/vpc/latest/userguide/default-vpc.html)."""
    with Stubber(ec2(fargate)) as service:
        service.add_response("describe_subnets", {"Subnets": []})
        service.add_response("describe_vpcs", {"Vpcs": vpcs})
        with pytest.raises(LaunchError, match=said) as caught:
            fargate.launch(spec(pushed))
    assert "set `subnets`" in caught.value.hint
    assert hint in caught.value.hint
