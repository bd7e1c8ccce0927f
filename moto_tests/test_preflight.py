"""What is asked of a live account before a push fails: what it answers becomes findings, and what it refuses becomes notes."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from infra.desired.operator import policies
from infra.reconcile.policy import listed
from moto_tests.answers import answer, refusal, success
from moto_tests.given import ACCOUNT, agent
from toolkit.clouds.aws import Clients, clients_for
from toolkit.core.agent import Project
from toolkit.core.environment import AwsCloud, Environment, Scope
from toolkit.core.errors import AccessDenied
from toolkit.core.ports import Context
from toolkit.ops.doctor import preflight, preflight_account, preflight_network
from toolkit.ops.doctor.findings import Finding, Weight, warning
from toolkit.ops.doctor.preflight_network import ENDPOINTS
from toolkit.ops.doctor.quota_table import CONCURRENCY, SPOT_VCPUS, VCPUS
from toolkit.ops.look import Look
from toolkit.wiring import Services

STATEMENT = {
    "Effect": "Allow",
    "Action": ["iam:PassRole", "ecs:RunTask"],
    "Resource": [
        "arn:aws:ecs:us-east-1:123456789012:task-definition/al-shop-*",
        "arn:aws:iam::123456789012:role/al-shop-*",
    ],
    "Condition": {"StringEquals": {"iam:PassedToService": ["lambda.amazonaws.com"]}},
}
POLICY = {"Version": "2012-10-17", "Statement": [STATEMENT]}


@pytest.fixture
def clients(aws_cloud: AwsCloud) -> Clients:
    return clients_for(aws_cloud)


def told(findings: Any) -> list[tuple[Weight, str]]:
    return [(f.weight, f.message) for f in findings]


# what this identity may do


def decisions(**by_action: str) -> Any:
    results = [
        {"EvalActionName": name.replace("_", ":"), "EvalDecision": verdict}
        for name, verdict in by_action.items()
    ]
    return success(EvaluationResults=results, IsTruncated=False)


def test_what_the_simulator_denies_is_one_warning(clients: Clients) -> None:
    """By action, with the command that prints the policy; advice, since a simulation is no proof
    (https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html)."""
    verdicts = (decisions(iam_PassRole="allowed"), decisions(ecs_RunTask="implicitDeny"))
    answer(clients.client("iam"), "SimulatePrincipalPolicy", *verdicts)
    (finding,) = preflight_account.rights(clients, POLICY)
    assert finding.weight is Weight.WARNING
    assert "may not ecs:RunTask," in finding.message
    assert "--operator-policy" in finding.remedy


def test_passing_roles_is_simulated_as_it_happens(clients: Clients) -> None:
    """With the service that gets the role, else a policy with that condition would seem to deny it
    (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html)."""
    asked, _ = _simulated(clients)
    assert asked["ContextEntries.member.1.ContextKeyName"] == "iam:PassedToService"
    assert asked["ContextEntries.member.1.ContextKeyValues.member.1"] == "lambda.amazonaws.com"
    assert asked["ResourceArns.member.1"] == "arn:aws:iam::123456789012:role/al-shop-any"


def test_an_action_is_simulated_on_its_own_service_s_things(clients: Clients) -> None:
    """A statement of ours holds several services' actions and things; an action is denied on another's, and that
    would be told as a lack."""
    identities, tasks = _simulated(clients)
    assert identities["ResourceArns.member.1"].startswith("arn:aws:iam:")
    assert tasks["ResourceArns.member.1"].startswith("arn:aws:ecs:")
    assert not {"ResourceArns.member.2", "ActionNames.member.2"} & {*identities, *tasks}


def test_every_condition_of_the_deploy_policy_is_met_by_its_simulation(clients: Clients) -> None:
    """Whoever has exactly that policy is not told that something is denied: each statement is asked with the keys
    that it wants."""
    cloud = replace(clients.cloud, permission_boundary=f"arn:aws:iam::{ACCOUNT}:policy/edge")
    scope = Scope(project="shop", environment="production")
    deploy = policies(Environment(name="production", scope=scope, cloud=cloud))["deploy"]
    asked = answer(clients.client("iam"), "SimulatePrincipalPolicy", *[decisions()] * 50)
    assert list(preflight_account.rights(clients, deploy)) == []
    seen = [names_of(request["body"], "ContextKeyName") for request in asked]
    assert seen == [
        keys_of(statement)
        for statement in deploy["Statement"]
        for _ in {action.partition(":")[0] for action in listed(statement["Action"])}
    ]


def names_of(body: dict[str, str], what: str) -> set[str]:
    return {value for name, value in body.items() if name.endswith(what)}


def keys_of(statement: Any) -> set[str]:
    """The condition keys that a request must bring."""
    tests = (statement.get("Condition") or {}).items()
    return {key for operator, keys in tests if operator != "Null" for key in keys}


def _simulated(clients: Clients) -> list[Any]:
    """What is asked when all is allowed."""
    allowed = [decisions(iam_PassRole="allowed"), decisions(ecs_RunTask="allowed")]
    seen = answer(clients.client("iam"), "SimulatePrincipalPolicy", *allowed)
    assert list(preflight_account.rights(clients, POLICY)) == []
    return [request["body"] for request in seen]


def test_changing_roles_is_told_apart(clients: Clients) -> None:
    """Many who may push may not make roles: then somebody else makes them first."""
    verdicts = decisions(iam_CreateRole="explicitDeny", iam_PassRole="implicitDeny")
    answer(clients.client("iam"), "SimulatePrincipalPolicy", verdicts, decisions())
    own, identities = preflight_account.rights(clients, POLICY)
    assert "iam:PassRole" in own.message
    assert "may not change roles (iam:CreateRole)" in identities.message


def test_a_session_is_simulated_as_its_role_with_the_role_s_path(clients: Clients) -> None:
    """A session's ARN does not have it
    (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html)."""
    role = clients.client("iam").create_role(
        RoleName="ci", Path="/teams/", AssumeRolePolicyDocument="{}"
    )
    caller = success(Arn=f"arn:aws:sts::{ACCOUNT}:assumed-role/ci/session", Account=ACCOUNT)
    answer(clients.client("sts"), "GetCallerIdentity", caller)
    asked, _ = _simulated(clients)
    assert (
        asked["PolicySourceArn"] == role["Role"]["Arn"] == f"arn:aws:iam::{ACCOUNT}:role/teams/ci"
    )


def test_the_root_user_is_not_simulated(clients: Clients) -> None:
    """It may do everything, which is worth a warning of its own."""
    caller = success(Arn=f"arn:aws:iam::{ACCOUNT}:root", Account=ACCOUNT)
    answer(clients.client("sts"), "GetCallerIdentity", caller)
    (finding,) = preflight_account.rights(clients, POLICY)
    assert "root" in finding.message


# the account's own limits


def test_the_account_s_concurrency_is_what_is_left_without_reservations(clients: Clients) -> None:
    """Many new accounts have 10 (https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html)."""
    limits: dict[str, float] = {}
    settings = {"ConcurrentExecutions": 50, "UnreservedConcurrentExecutions": 10}
    answer(clients.client("lambda"), "GetAccountSettings", success(AccountLimit=settings))
    assert list(preflight_account.concurrency(clients, limits)) == []
    assert limits == {CONCURRENCY.name: 10.0}


def test_fargate_s_quotas_are_asked_for_by_their_codes(clients: Clients) -> None:
    """On demand and spot (https://docs.aws.amazon.com/general/latest/gr/ecs-service.html)."""
    limits: dict[str, float] = {}
    quotas = [success(Quota={"Value": 16.0}), success(Quota={"Value": 4.0})]
    answer(clients.client("service-quotas"), "GetServiceQuota", *quotas)
    assert list(preflight_account.vcpus(clients, limits)) == []
    assert limits == {VCPUS.name: 16.0, SPOT_VCPUS.name: 4.0}


def test_limits_that_the_region_does_not_tell_are_a_note(clients: Clients) -> None:
    """AWS's defaults stand in.  (moto has neither.)"""
    limits: dict[str, float] = {}
    found = [
        *preflight_account.concurrency(clients, limits),
        *preflight_account.vcpus(clients, limits),
    ]
    assert {f.weight for f in found} == {Weight.NOTE}
    assert limits == {}


# the network


class Vpc:
    """A VPC with one subnet, and what leads out of it."""

    def __init__(self, clients: Clients) -> None:
        self.ec2 = clients.client("ec2")
        self.id = self.ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        self.subnet = self._subnet("10.0.0.0/24")

    def _subnet(self, block: str) -> str:
        made = self.ec2.create_subnet(VpcId=self.id, CidrBlock=block)
        return str(made["Subnet"]["SubnetId"])

    def main_table(self) -> str:
        wanted = [{"Name": "vpc-id", "Values": [self.id]}]
        (table,) = self.ec2.describe_route_tables(Filters=wanted)["RouteTables"]
        return str(table["RouteTableId"])

    def own_table(self) -> str:
        made = self.ec2.create_route_table(VpcId=self.id)["RouteTable"]["RouteTableId"]
        self.ec2.associate_route_table(RouteTableId=made, SubnetId=self.subnet)
        return str(made)

    def to_internet(self, table: str) -> None:
        gateway = self.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        self.ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=self.id)
        self._route(table, GatewayId=gateway)

    def to_nat(self, table: str) -> None:
        address = self.ec2.allocate_address(Domain="vpc")["AllocationId"]
        nat = self.ec2.create_nat_gateway(SubnetId=self.subnet, AllocationId=address)
        self._route(table, NatGatewayId=nat["NatGateway"]["NatGatewayId"])

    def endpoint(self, service: str) -> None:
        name = f"com.amazonaws.us-east-1.{service}"
        kind = "Gateway" if service in ("s3", "dynamodb") else "Interface"
        self.ec2.create_vpc_endpoint(VpcId=self.id, ServiceName=name, VpcEndpointType=kind)

    def group(self) -> str:
        made = self.ec2.create_security_group(VpcId=self.id, GroupName="g", Description="g")
        return str(made["GroupId"])

    def _route(self, table: str, **target: str) -> None:
        self.ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", **target)


@pytest.fixture
def vpc(clients: Clients) -> Vpc:
    return Vpc(clients)


def of_tasks(clients: Clients, vpc: Vpc, **more: Any) -> list[Finding]:
    cloud = replace(clients.cloud, **{"subnets": (vpc.subnet,), **more})
    return [*preflight_network.of_tasks(clients, cloud)]


def test_a_subnet_that_leads_to_the_internet_is_fine(clients: Clients, vpc: Vpc) -> None:
    """By the VPC's main table, since it has none of its own
    (https://docs.aws.amazon.com/vpc/latest/userguide/subnet-route-tables.html)."""
    vpc.to_internet(vpc.main_table())
    assert of_tasks(clients, vpc) == []


def test_without_an_address_an_internet_gateway_is_no_way_out(clients: Clients, vpc: Vpc) -> None:
    """The task would wait for minutes for its image
    (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-task-networking.html)."""
    vpc.to_internet(vpc.main_table())
    ((weight, message),) = told(of_tasks(clients, vpc, assign_public_ip=False))
    assert (weight, vpc.subnet in message) == (Weight.ERROR, True)


def test_nat_is_a_way_out_without_an_address(clients: Clients, vpc: Vpc) -> None:
    """By a table of the subnet's own, whatever the main one says."""
    vpc.to_nat(vpc.own_table())
    assert of_tasks(clients, vpc, assign_public_ip=False) == []


def test_a_table_of_its_own_wins_over_the_main_one(clients: Clients, vpc: Vpc) -> None:
    """Here it leads nowhere, and the main one would have."""
    vpc.to_internet(vpc.main_table())
    vpc.own_table()
    ((weight, message),) = told(of_tasks(clients, vpc))
    assert weight is Weight.ERROR
    assert f"no endpoint for {', '.join(ENDPOINTS)}" in message


def test_endpoints_do_for_aws_and_for_nothing_else(clients: Clients, vpc: Vpc) -> None:
    """All of them: a warning remains, because models are elsewhere."""
    for service in ENDPOINTS:
        vpc.endpoint(service)
    ((weight, message),) = told(of_tasks(clients, vpc, assign_public_ip=False))
    assert (weight, "no run reaches a model" in message) == (Weight.WARNING, True)


def test_the_endpoints_that_are_missing_are_named(clients: Clients, vpc: Vpc) -> None:
    """And the others are not."""
    for service in ENDPOINTS[:4]:
        vpc.endpoint(service)
    ((_, message),) = told(of_tasks(clients, vpc))
    assert "no endpoint for dynamodb, logs" in message


def test_functions_have_no_address_of_their_own(clients: Clients, vpc: Vpc) -> None:
    """Whatever the environment says of tasks
    (https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc-internet.html)."""
    vpc.to_internet(vpc.main_table())
    cloud = replace(clients.cloud, lambda_subnets=(vpc.subnet,), assign_public_ip=True)
    (finding,) = preflight_network.of_functions(clients, cloud)
    assert (finding.weight, finding.about) == (Weight.ERROR, "[cloud] lambdaSubnets")


def test_the_default_vpc_is_taken_as_aws_makes_it(clients: Clients) -> None:
    """Its subnets are there, and lead to the internet."""
    assert [*preflight_network.of_tasks(clients, clients.cloud)] == []


@pytest.mark.parametrize("more", [{"subnets": ("subnet-0123456789abcdef0",)}])
def test_what_is_not_there_becomes_an_error(clients: Clients, more: dict[str, Any]) -> None:
    """With AWS's words and the setting to correct."""
    cloud = replace(clients.cloud, **more)
    look = _look(lambda: [*preflight_network.of_tasks(clients, cloud)])
    ((weight, message),) = told(look.findings())
    assert (weight, "subnet-0123456789abcdef0" in message) == (Weight.ERROR, True)


def test_a_security_group_of_another_vpc_becomes_an_error(clients: Clients, vpc: Vpc) -> None:
    """RunTask would refuse it
    (https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_AwsVpcConfiguration.html)."""
    group = Vpc(clients).group()
    look = _look(lambda: of_tasks(clients, vpc, security_groups=(group,)))
    ((weight, message),) = told(look.findings())
    assert (weight, group in message) == (Weight.ERROR, True)


# what may not be looked at


def _look(look: Any) -> Look:
    return Look(about="the network", actions=("ec2:DescribeSubnets",), look=look)


def test_what_may_not_be_looked_at_is_a_note_with_the_permission(clients: Clients) -> None:
    """A person who may push need not be allowed to read everything."""
    denied = refusal("UnauthorizedOperation", "You are not authorized to perform this operation.")
    answer(clients.client("ec2"), "DescribeSubnets", denied)
    look = _look(lambda: [*preflight_network.of_tasks(clients, clients.cloud)])
    (finding,) = look.findings()
    assert finding.weight is Weight.NOTE
    assert "You are not authorized" in finding.message
    assert "ec2:DescribeSubnets" in finding.remedy


def test_one_look_that_fails_hides_no_other(aws_context: Context) -> None:
    """All are done, side by side."""
    services = a_project(aws_context)
    logs = clients_for(_cloud(aws_context)).client("logs")
    answer(logs, "DescribeLogGroups", refusal("AccessDeniedException", "no"))
    seen = preflight.examined(services, lambda _: None)
    assert [(f.weight, f.about) for f in seen.findings] == [(Weight.NOTE, "log groups")]
    assert seen.ours


def test_credentials_of_another_account_end_the_look(aws_context: Context) -> None:
    """Nothing there is this environment's."""
    other = replace(_cloud(aws_context), account="999999999999")
    environment = replace(aws_context.environment, cloud=other)
    services = a_project(replace(aws_context, environment=environment))
    seen = preflight.examined(services, lambda _: None)
    assert not seen.ours
    ((weight, message),) = told(seen.findings)
    assert (weight, "of account 123456789012" in message) == (Weight.ERROR, True)


def _cloud(context: Context) -> AwsCloud:
    assert isinstance(context.environment.cloud, AwsCloud)
    return context.environment.cloud


def a_project(context: Context) -> Services:
    project = Project(name="shop", directory=context.project, agents=(agent("dev", timeout=3600),))
    return Services(context, project)


def test_what_was_found_before_a_failure_is_told() -> None:
    """The failure comes after it."""

    def look() -> Iterator[Finding]:
        yield warning("the network", "is odd", "mend it")
        raise AccessDenied("no more", hint="ask")

    assert [f.weight for f in _look(look).findings()] == [Weight.WARNING, Weight.NOTE]


def test_a_look_lets_only_our_errors_become_findings() -> None:
    """A mistake in al is not hidden as somebody's missing permission."""
    with pytest.raises(ZeroDivisionError):
        _look(lambda: [1 // 0]).findings()
    denied = _look(lambda: (_ for _ in ()).throw(AccessDenied("no", hint="ask"))).findings()
    assert denied[0].weight is Weight.NOTE
