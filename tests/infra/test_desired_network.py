"""Where runs are: a network that is found, and a security group that lets nothing in."""

from dataclasses import replace

import pytest

from infra.desired import limits
from infra.desired.digest import digest
from infra.desired.network import Network, words
from tests.infra.scenes import NETWORK, find, items, names
from toolkit.core.errors import LimitExceeded
from toolkit.core.plan import Item

GROUP = "al-shop-production--tasks"
FUNCTIONS = Network(of="functions", vpc="vpc-2", subnets=("subnet-3",))


def test_tasks_go_out_and_nothing_comes_in() -> None:
    """Agents call; nothing calls them.  The group is in the VPC of the subnets."""
    group = find(items(), "security_group", GROUP).attributes
    assert group["vpc"] == "vpc-1"
    assert group["egress"] == {"protocol": "-1", "ipv4": ["0.0.0.0/0"], "ipv6": ["::/0"]}
    assert "ingress" not in group


def test_who_brings_groups_gets_none_of_ours() -> None:
    """`securityGroups` in the environment's file."""
    wanted = items(networks=[replace(NETWORK, groups=("sg-1",))])
    assert names(wanted, "security_group") == []
    assert names(wanted, "network") == [GROUP]


def test_functions_in_a_vpc_have_a_group_of_their_own() -> None:
    """They may be in another VPC than the tasks, and a group belongs to one
    (https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSecurityGroup.html)."""
    wanted = items(networks=[NETWORK, FUNCTIONS])
    assert names(wanted, "security_group") == ["al-shop-production--functions", GROUP]
    assert find(wanted, "security_group", "al-shop-production--functions").attributes["vpc"] == (
        "vpc-2"
    )


def test_without_runs_in_a_network_there_is_none() -> None:
    """Functions outside of a VPC need no subnet and no group."""
    kinds = {item.kind for item in items(networks=())}
    assert kinds & {"network", "security_group"} == set()


def test_the_plan_names_vpc_and_subnets() -> None:
    """People see where their agents will run before they agree."""
    said = words(find(items(), "network", GROUP))
    assert "the default VPC vpc-1, subnets subnet-1, subnet-2, with a public address" in said


def test_the_user_s_own_vpc_is_not_called_the_default() -> None:
    """Nor does a run without a public address have one."""
    own = replace(NETWORK, default=False, public=False)
    said = words(find(items(networks=[own]), "network", GROUP))
    assert "runs in vpc-1, subnets subnet-1, subnet-2, with no public address" in said


def test_other_subnets_are_another_desired_state() -> None:
    """A push sees that they changed."""
    assert digest(items()) != digest(items(networks=[replace(NETWORK, subnets=("subnet-9",))]))


def test_a_network_survives_json() -> None:
    """It is a fact of the environment."""
    assert Network.from_dict(NETWORK.to_dict()) == NETWORK


@pytest.mark.parametrize(
    "network",
    [
        replace(NETWORK, subnets=()),
        replace(NETWORK, subnets=tuple(f"subnet-{n}" for n in range(17))),
        replace(NETWORK, groups=tuple(f"sg-{n}" for n in range(6))),
    ],
)
def test_subnets_are_1_to_16_and_groups_0_to_5(network: Network) -> None:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_AwsVpcConfiguration.html"""
    with pytest.raises(LimitExceeded, match="takes 1 to 16"):
        items(networks=[network])


def test_the_most_of_both_pass() -> None:
    """No rule is narrower than the service's."""
    subnets, groups = (tuple(f"{w}-{n}" for n in range(c)) for w, c in (("subnet", 16), ("sg", 5)))
    assert items(networks=[replace(NETWORK, subnets=subnets, groups=groups)])


@pytest.mark.parametrize("name", ["sg-mine", "a" * 256, "büro", "a|b"])
def test_a_group_s_name_is_what_ec2_takes(name: str) -> None:
    """Up to 255 of few signs, and not like an id
    (https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSecurityGroup.html)."""
    with pytest.raises(LimitExceeded, match="security group"):
        limits.check([Item(kind="security_group", name=name)])


def test_a_group_s_description_is_what_ec2_takes() -> None:
    """The same signs and length, with the longest names, too."""
    (group,) = (i for i in items() if i.kind == "security_group")
    limits.check([replace(group, name=group.attributes["description"])])
