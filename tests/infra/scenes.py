"""A small project for the tests of this room: two agents, one on each runtime, with the runtimes' real grants."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from infra.desired.aws import desired
from infra.desired.gateway_grants import Deployed
from infra.desired.network import Network
from toolkit.core import registry
from toolkit.core.agent import Agent, AgentName, CredentialRef
from toolkit.core.environment import AwsCloud, Environment, Scope
from toolkit.core.plan import Grant, Item
from toolkit.core.ports import Context

ACCOUNT = "123456789012"
REGION = "eu-central-1"
CLOUD = AwsCloud(region=REGION, account=ACCOUNT)
TOKEN = (CredentialRef(type="github_token"), ("token",))
NETWORK = Network(
    of="tasks", vpc="vpc-1", subnets=("subnet-1", "subnet-2"), default=True, public=True
)
ON_LAMBDA, ON_FARGATE = "aws_lambda", "ecs_fargate"


def environment(
    name: str = "production", project: str = "shop", cloud: AwsCloud = CLOUD, **more: Any
) -> Environment:
    return Environment(
        name=name, scope=Scope(project=project, environment=name), cloud=cloud, **more
    )


def deployed(env: Environment, name: str, runtime: str) -> Deployed:
    """An agent with the grants that its runtime asks for."""
    agent = Agent(name=AgentName.parse(name), directory=Path("agents"), instructions="work")
    context = Context(environment=env, home=Path("home"), project=Path("project"))
    return agent, runtime, registry.find("runtime", runtime)(context).grants(agent)


def image(repository: str = "al-shop-production/gateway", digit: str = "0") -> str:
    return f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/{repository}@sha256:{digit * 64}"


def items(
    env: Environment | None = None,
    agents: Mapping[str, str] | None = None,
    gateway: str | None = "",
    networks: Sequence[Network] = (NETWORK,),
) -> tuple[Item, ...]:
    """The desired state of a project: `dev` on Lambda and `long` on Fargate, unless `agents` says otherwise."""
    env = env or environment()
    agents = {"dev": ON_LAMBDA, "long": ON_FARGATE} if agents is None else agents
    return desired(
        env,
        [deployed(env, name, runtime) for name, runtime in agents.items()],
        [TOKEN],
        gateway_image=image() if gateway == "" else gateway,
        networks=networks,
    )


def find(wanted: tuple[Item, ...], kind: str, name: str) -> Item:
    (found,) = (item for item in wanted if item.key == (kind, name))
    return found


def names(wanted: tuple[Item, ...], kind: str) -> list[str]:
    return [item.name for item in wanted if item.kind == kind]


def statements(role: Item) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = role.attributes["policy"]["Statement"]
    return found


def resources(role: Item) -> list[str]:
    """Everything that a role's policy names."""
    named = [statement["Resource"] for statement in statements(role)]
    return [r for n in named for r in ([n] if isinstance(n, str) else n)]


def grant(**changes: Any) -> Grant:
    """A grant that is fine, with these fields instead."""
    fine = Grant(
        role="task",
        actions=("secretsmanager:GetSecretValue",),
        resources=(
            f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:action-llama/a/b/runs/dev/*",
        ),
        reason="reading its secret",
    )
    return replace(fine, **changes)
