"""Repairing identities and taking an environment down, held to the policy that is printed for whoever does it.

With all that a plain life has not (moto_tests/main_job/test_permissions.py): roles that the user brings, a permission
boundary, subnets that are named, and an account of which only single roles may be read.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from infra.desired.operator import policies
from infra.desired.policy import text
from infra.inventory.aws import AwsInventory
from infra.reconcile.aws import AwsReconciler
from infra.reconcile.policy import allowed
from moto_tests import holding
from moto_tests.deployed import items
from moto_tests.given import agent
from moto_tests.identities import BREAKS, DEV, EVERYTHING, reconcile
from toolkit.clouds.aws import clients_for, cloud_of
from toolkit.core import registry
from toolkit.core.environment import AwsCloud, Environment, Scope
from toolkit.core.errors import AccessDenied
from toolkit.core.plan import Item
from toolkit.core.ports import Context
from toolkit.ops.doctor import preflight_network
from toolkit.sandbox.recording import OPERATOR, Asked
from toolkit.sandbox.state import Sandbox

from .test_recording import asked
from .world import make_role

HELD = ("secret", "log_group", "cluster", "table", "task_definition", "security_group", "bucket")
TWO = {"dev": "aws_lambda", "long": "ecs_fargate"}


@pytest.fixture
def context(sandbox: Sandbox, client: Callable[..., Any], tmp_path: Path) -> Context:
    """`long` brings its task role, which has a managed policy and a boundary; ours have the same boundary."""
    iam = client("iam")
    edge, given = (
        iam.create_policy(PolicyName=name, PolicyDocument=EVERYTHING)["Policy"]["Arn"]
        for name in ("edge", "given")
    )
    brought = make_role(iam, "brought", "ecs-tasks")
    iam.attach_role_policy(RoleName="brought", PolicyArn=given)
    iam.put_role_permissions_boundary(RoleName="brought", PermissionsBoundary=edge)
    subnets = client("ec2").describe_subnets()["Subnets"]
    cloud = AwsCloud(
        region=sandbox.region,
        account=edge.split(":")[4],
        endpoint=sandbox.endpoint,
        permission_boundary=edge,
        agent_roles=(("long", "task", brought),),
        subnets=(subnets[0]["SubnetId"],),
    )
    scope = Scope(project="shop", environment="staging")
    made = Environment(name="staging", scope=scope, cloud=cloud)
    return Context(environment=made, home=tmp_path, project=tmp_path)


def refuse(**_: Any) -> None:
    raise AccessDenied("not for you", hint="ask one by one")


def repair(context: Context, wanted: Sequence[Item]) -> None:
    """What `al doctor -c` calls, of an account of which only single roles may be read, and whose subnets lead nowhere."""
    clients, reconciler = clients_for(cloud_of(context.environment)), AwsReconciler(context)
    whole = "before-call.iam.GetAccountAuthorizationDetails"
    clients.client("iam").meta.events.register_first(whole, refuse)
    reconcile(context, wanted)
    grants = registry.find("runtime", "ecs_fargate")(context).grants(agent("long"))
    assert reconciler.concerns(reconciler.observe(wanted), {"long": grants}) == ()
    assert list(preflight_network.of_tasks(clients, cloud_of(context.environment)))


def take_down(context: Context) -> None:
    """What `al teardown` calls."""
    inventory = AwsInventory(context, sleep=lambda _: None)
    for item in inventory.found().ours:
        inventory.remove(item)
    assert inventory.found().ours == ()


def recorded(sandbox: Sandbox, do: Callable[[], object]) -> list[Asked]:
    """What the operator asks for while it does this."""
    asked(sandbox, "DELETE")
    do()
    return [call for call in asked(sandbox) if call.principal == OPERATOR]


def test_every_call_is_in_the_policy_that_is_printed(
    sandbox: Sandbox, context: Context, client: Callable[..., Any]
) -> None:
    """Also where the user brings roles, whose managed policies must be read to be judged."""
    wanted = items(context, TWO)
    calls = recorded(sandbox, lambda: repair(context, wanted))
    for spoil, _ in BREAKS.values():
        spoil(client("iam"), DEV)
    calls += recorded(sandbox, lambda: repair(context, wanted))
    for kind in HELD:
        name = holding.name_of(kind, context.names)
        holding.make(client, kind, name, context.names.tags(agent="dev"))
    calls += recorded(sandbox, lambda: take_down(context))
    seen = {call.action for call in calls}
    assert seen >= {"iam:GetPolicy", "iam:GetPolicyVersion", "iam:GetRolePolicy", "iam:DeleteRole"}
    document = text(policies(context.environment)["deploy"])
    refused = {f"{c.action} on {c.resource}" for c in calls if not allowed([document], c.need)}
    assert refused == set()
