"""A small project on Google Cloud for the tests of this room."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from infra.desired.gcp import desired
from toolkit.core.agent import Agent, AgentName, CredentialRef
from toolkit.core.environment import Environment, GcpCloud, Scope
from toolkit.core.gcp_names import GcpNames
from toolkit.core.plan import Item

PROJECT, NUMBER, REGION = "acme", "123456789012", "europe-west1"
TOKEN = (CredentialRef(type="github_token"), ("token",))
IMAGE = f"{REGION}-docker.pkg.dev/{PROJECT}/al-shop-production-images/gateway@sha256:{'0' * 64}"
ROLE = "al_shop_production_runs"


def environment(
    name: str = "production", project: str = "shop", *, legacy: bool = False, **cloud: Any
) -> Environment:
    """With the repository that is ours, unless `cloud` names another one."""
    scope = Scope(project=project, environment=name, legacy_names=legacy)
    place = GcpCloud(project=PROJECT, region=REGION, repository=GcpNames(scope).repository)
    return Environment(name=name, scope=scope, cloud=replace(place, **cloud))


def agent(name: str) -> Agent:
    return Agent(name=AgentName.parse(name), directory=Path("agents"), instructions="work")


def items(
    env: Environment | None = None,
    agents: Sequence[str] = ("dev", "ops"),
    *,
    number: str = NUMBER,
    image: str | None = IMAGE,
) -> tuple[Item, ...]:
    """The desired state of a project with these agents."""
    return desired(
        env or environment(),
        [agent(name) for name in agents],
        [TOKEN],
        number=number,
        gateway_image=image,
    )


def expressions(account: Item) -> list[str]:
    """The conditions under which it has its roles."""
    return [grant["expression"] for grant in account.attributes["grants"].values()]


def roles(account: Item) -> list[str]:
    return sorted(grant["role"] for grant in account.attributes["grants"].values())
