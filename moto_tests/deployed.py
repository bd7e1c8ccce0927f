"""A project on moto as the engine deploys it, and short words to look at what is there."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from infra.desired.aws import desired
from infra.desired.network import Network
from moto_tests.given import ACCOUNT, REGION, agent
from toolkit.clouds.aws import Clients, clients_for, cloud_of
from toolkit.clouds.aws_network import default_place
from toolkit.core import registry
from toolkit.core.agent import CredentialRef
from toolkit.core.errors import Conflict
from toolkit.core.plan import Item
from toolkit.core.ports import Context
from toolkit.sandbox.engine import Engine

ON_LAMBDA, ON_FARGATE = "aws_lambda", "ecs_fargate"
TWO = {"dev": ON_LAMBDA, "long": ON_FARGATE}
TOKEN = (CredentialRef(type="github_token"), ("token",))
GATEWAY = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/al-shop-staging/gateway@sha256:"
Count = Callable[[Clients], list[str]]


def network(context: Context, **changes: Any) -> Network:
    """The default VPC of the account, for tasks."""
    place = default_place(clients_for(cloud_of(context.environment)))
    found = Network(of="tasks", vpc=place.vpc, subnets=place.subnets, default=True, public=True)
    return replace(found, **changes)


def items(
    context: Context,
    agents: Mapping[str, str] | None = None,
    *,
    digit: str | None = "0",
    networks: Sequence[Network] = (),
) -> tuple[Item, ...]:
    """The desired state of some agents; `digit` repeated is the digest of the gateway's image."""
    deployed = [
        (agent(name), runtime, registry.find("runtime", runtime)(context).grants(agent(name)))
        for name, runtime in (TWO if agents is None else agents).items()
    ]
    image = GATEWAY + digit * 64 if digit else None
    return desired(context.environment, deployed, [TOKEN], gateway_image=image, networks=networks)


def apply(context: Context, wanted: tuple[Item, ...]) -> tuple[Mapping[str, Any], list[str]]:
    """The outputs, and the lines of progress."""
    lines: list[str] = []
    return Engine(context).apply(wanted, progress=lines.append), lines


def client(context: Context, service: str) -> Any:
    return clients_for(cloud_of(context.environment)).client(service)


def writes(calls: list[str]) -> list[str]:
    return [c for c in calls if not c.partition(".")[2].startswith(("Get", "List", "Describe"))]


def roles(context: Context) -> list[str]:
    return sorted(r["RoleName"] for r in client(context, "iam").list_roles()["Roles"])


def repositories(context: Context) -> list[str]:
    found = client(context, "ecr").describe_repositories()["repositories"]
    return sorted(r["repositoryName"] for r in found)


def journal(context: Context) -> Path:
    return context.home / "sandbox" / "engine" / "shop" / "staging.jsonl"


def overtaken_after(told: list[str], steps: int) -> Callable[[], None]:
    def check() -> None:
        if len(told) >= steps:
            raise Conflict("overtaken", hint="run it again")

    return check
