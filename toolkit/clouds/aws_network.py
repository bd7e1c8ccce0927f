"""An account's network as runs need it: subnets, the VPC that they are in, and its security groups.

Reads only.  Push decides with it and the runtimes launch with it, so both see the same.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from toolkit.core.aws_limits import MOST_SUBNETS
from toolkit.core.errors import ConfigError, NotFound
from toolkit.core.names import TASKS, Names

from .aws import Clients, translated


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Subnets of one VPC."""

    vpc: str
    subnets: tuple[str, ...]


def default_place(clients: Clients) -> Place:
    """The default subnets, one in each zone: one zone without capacity does not matter.

    Raises ConfigError where there are none (https://docs.aws.amazon.com/vpc/latest/userguide/default-vpc.html).
    """
    with translated("looking for the default VPC's subnets"):
        answer = clients.client("ec2").describe_subnets(
            Filters=[{"Name": "default-for-az", "Values": ["true"]}]
        )
    found = sorted(answer["Subnets"], key=lambda subnet: str(subnet["SubnetId"]))[:MOST_SUBNETS]
    if not found:
        raise _no_default(clients)
    return Place(vpc=found[0]["VpcId"], subnets=tuple(subnet["SubnetId"] for subnet in found))


def place_of(clients: Clients, subnets: Sequence[str], key: str) -> Place:
    """The place of the user's own subnets, set as `key`.  Raises ConfigError unless all are of one VPC."""
    hint = f"correct `{key}` in the environment's file"
    with translated(f"looking for the subnets in `{key}`", hints={"NotFound": hint}):
        answer = clients.client("ec2").describe_subnets(SubnetIds=list(subnets))
    of = {subnet["SubnetId"]: str(subnet["VpcId"]) for subnet in answer["Subnets"]}
    _check_one_vpc(of, key)
    return Place(vpc=next(iter(of.values())), subnets=tuple(subnets))


def check_groups(clients: Clients, groups: Sequence[str], vpc: str, key: str) -> None:
    """Raises ConfigError unless all of the user's groups are in `vpc`
    (https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_AwsVpcConfiguration.html)."""
    hint = f"correct `{key}` in the environment's file"
    with translated(f"looking for the security groups in `{key}`", hints={"NotFound": hint}):
        answer = clients.client("ec2").describe_security_groups(GroupIds=list(groups))
    foreign = [g["GroupId"] for g in answer["SecurityGroups"] if g["VpcId"] != vpc]
    if foreign:
        raise ConfigError(
            f"{', '.join(foreign)} of `{key}` is not in {vpc}, where the subnets are",
            hint="name subnets and security groups of one VPC",
        )


@cache
def own_group(clients: Clients, names: Names, of: str, vpc: str) -> str:
    """The id of the group that push made for the tasks or the functions; asked once per process.

    Raises NotFound when it is not there.
    """
    name, ours = names.security_group(of), names.tags()
    wanted: Mapping[str, str] = {"group-name": name, "vpc-id": vpc} | {
        f"tag:{key}": value for key, value in ours.items()
    }
    with translated(f"looking for the security group {name}"):
        answer = clients.client("ec2").describe_security_groups(
            Filters=[{"Name": key, "Values": [value]} for key, value in wanted.items()]
        )
    if not answer["SecurityGroups"]:
        raise NotFound(
            f"the security group {name} is not in {vpc}",
            hint=f"run `al push -E {names.scope.environment}` first; when somebody removed it, add -a",
        )
    return str(answer["SecurityGroups"][0]["GroupId"])


def task_network(clients: Clients, names: Names) -> dict[str, Any]:
    """The awsvpcConfiguration of a task: the environment's subnets and groups, else those that push decided on.

    No call when the environment names both.
    """
    cloud = clients.cloud
    subnets, groups = cloud.subnets, cloud.security_groups
    if not subnets or not groups:
        place = place_of(clients, subnets, "subnets") if subnets else default_place(clients)
        subnets = place.subnets
        groups = groups or (own_group(clients, names, TASKS, place.vpc),)
    return {
        "subnets": list(subnets),
        "securityGroups": list(groups),
        "assignPublicIp": "ENABLED" if cloud.assign_public_ip else "DISABLED",
    }


def _check_one_vpc(of: Mapping[str, str], key: str) -> None:
    if len(set(of.values())) > 1:
        listed = ", ".join(f"{subnet} in {vpc}" for subnet, vpc in sorted(of.items()))
        raise ConfigError(
            f"the subnets of `{key}` are in several VPCs: {listed}",
            hint="name subnets of one VPC",
        )


def _no_default(clients: Clients) -> ConfigError:
    with translated("looking for the default VPC"):
        answer = clients.client("ec2").describe_vpcs(
            Filters=[{"Name": "isDefault", "Values": ["true"]}]
        )
    region = clients.cloud.region
    vpc = next((found["VpcId"] for found in answer["Vpcs"]), None)
    make = "create-default-subnet --availability-zone ZONE" if vpc else "create-default-vpc"
    return ConfigError(
        f"the default VPC {vpc} of {region} has no default subnets"
        if vpc
        else f"region {region} has no default VPC",
        hint=f"set `subnets` in the environment's file, or run `aws ec2 {make}`",
    )
