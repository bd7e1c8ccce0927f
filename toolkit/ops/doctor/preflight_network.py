"""Whether the network that an environment names is there, is one, and leads to what a run needs.

A run pulls its image, reads its secret, claims itself and logs through its own interface: with a public address and an
internet gateway, through NAT, or through VPC endpoints
(https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-task-networking.html).
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from toolkit.clouds.aws import Clients, translated
from toolkit.clouds.aws_network import check_groups, default_place, place_of
from toolkit.core.environment import AwsCloud
from toolkit.ops.doctor.findings import Finding, failing, warning

ACTIONS = (
    "ec2:DescribeSubnets",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeRouteTables",
    "ec2:DescribeVpcEndpoints",
)
ENDPOINTS = ("ecr.api", "ecr.dkr", "s3", "secretsmanager", "dynamodb", "logs")
_EVERYWHERE = "0.0.0.0/0"

Thing = Mapping[str, Any]


def of_tasks(clients: Clients, cloud: AwsCloud) -> Iterator[Finding]:
    """Of Fargate's tasks.  Raises ConfigError for subnets that are not there or not of one VPC, as a push would.

    A default VPC's subnets lead to the internet as AWS makes them; only subnets that the user names are followed.
    """
    if not cloud.subnets:
        default_place(clients)
        return
    place = place_of(clients, cloud.subnets, "subnets")
    if cloud.security_groups:
        check_groups(clients, cloud.security_groups, place.vpc, "securityGroups")
    network = Network(clients=clients, vpc=place.vpc, key="subnets", public=cloud.assign_public_ip)
    yield from network.findings(place.subnets)


def of_functions(clients: Clients, cloud: AwsCloud) -> Iterator[Finding]:
    """Of functions in a VPC, which never have a public address; raises as `of_tasks`
    (https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc-internet.html)."""
    place = place_of(clients, cloud.lambda_subnets, "lambdaSubnets")
    if cloud.lambda_security_groups:
        check_groups(clients, cloud.lambda_security_groups, place.vpc, "lambdaSecurityGroups")
    network = Network(clients=clients, vpc=place.vpc, key="lambdaSubnets", public=False)
    yield from network.findings(place.subnets)


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """Where the routes of one VPC's subnets lead.  `public`: what runs there has a public address."""

    clients: Clients
    vpc: str
    key: str
    public: bool

    def findings(self, subnets: Sequence[str]) -> Iterator[Finding]:
        """One for subnets that lead nowhere, one for those that lead where a run without an address cannot go."""
        tables = self._pages("describe_route_tables", "RouteTables", "the route tables")
        ways = {subnet: way_out(table_of(tables, subnet)) for subnet in subnets}
        barred = [s for s, way in ways.items() if way.startswith("igw-") and not self.public]
        if barred:
            words = f"{', '.join(barred)}: the way out is an internet gateway, which takes only public addresses"
            yield failing(self._about, words, _WITHOUT_ADDRESS)
        if closed := [subnet for subnet, way in ways.items() if not way]:
            yield self._closed(", ".join(closed))

    @property
    def _about(self) -> str:
        return f"[cloud] {self.key}"

    def _closed(self, subnets: str) -> Finding:
        """Endpoints may do for AWS's services, and for nothing else."""
        missing = [name for name in ENDPOINTS if name not in self._endpoints()]
        if missing:
            words = f"{subnets}: there is no way out, and {self.vpc} has no endpoint for {', '.join(missing)}"
            remedy = "add a NAT gateway, or the endpoints that are missing"
            return failing(self._about, words, remedy)
        words = f"{subnets}: there is no way out but AWS's endpoints, so no run reaches a model elsewhere"
        return warning(self._about, words, "add a NAT gateway, if agents need the internet")

    def _endpoints(self) -> Collection[str]:
        found = self._pages("describe_vpc_endpoints", "VpcEndpoints", "the VPC's endpoints")
        # com.amazonaws.<region>.<service>, and a service may have a dot of its own
        return {str(endpoint["ServiceName"]).split(".", 3)[-1] for endpoint in found}

    def _pages(self, operation: str, member: str, what: str) -> list[Thing]:
        with translated(f"looking at {what}"):
            pages = self.clients.client("ec2").get_paginator(operation)
            wanted = [{"Name": "vpc-id", "Values": [self.vpc]}]
            return [thing for page in pages.paginate(Filters=wanted) for thing in page[member]]


_WITHOUT_ADDRESS = "route them through NAT; for tasks, assignPublicIp = true does as well"


def table_of(tables: Sequence[Thing], subnet: str) -> Thing:
    """The subnet's own table, else the VPC's main one
    (https://docs.aws.amazon.com/vpc/latest/userguide/subnet-route-tables.html)."""
    own = (t for t in tables if any(a.get("SubnetId") == subnet for a in t["Associations"]))
    main = (t for t in tables if any(a.get("Main") for a in t["Associations"]))
    return next(own, None) or next(main, None) or {"Routes": ()}


def way_out(table: Thing) -> str:
    """Where the default route leads: a gateway's or an interface's id; "" without one, or with one that is broken."""
    for route in table["Routes"]:
        if route.get("DestinationCidrBlock") == _EVERYWHERE and route.get("State") != "blackhole":
            ids = (value for key, value in route.items() if key.endswith("Id"))
            return str(next(ids, ""))
    return ""
