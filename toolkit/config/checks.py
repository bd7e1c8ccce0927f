"""What a cloud, or the distance to it, would refuse of a project and an environment that are each valid by themselves.

Pure: reads values, asks no cloud.  What one runtime refuses of one agent is that runtime's `check`.
"""

from collections.abc import Iterator

from toolkit.core.agent import Agent, Model, Project
from toolkit.core.environment import AwsCloud, Cloud, Environment
from toolkit.core.names import Names
from toolkit.core.placement import LAMBDA_SECONDS
from toolkit.credentials.resolve import GATEWAY_KEY, project_credentials
from toolkit.llm.addresses import Reach, reach_of
from toolkit.llm.providers import PROVIDERS

from .name_checks import Rules, aws_rules, google_rules, name_problems
from .problems import Problem


def cloud_problems(project: Project, environment: Environment) -> list[Problem]:
    """Everything that would go wrong in its cloud; empty on this machine.  Raises CredentialError as `required`."""
    cloud, scope = environment.cloud, environment.scope
    if cloud is None:
        return []
    found, rules = [], google_rules()
    if isinstance(cloud, AwsCloud):
        file, rules = f"environments/{environment.name}.toml", aws_rules(scope)
        found = [*_network(cloud, file), *_brought_roles(cloud, project, file)]
    refs = dict.fromkeys((*project_credentials(project), GATEWAY_KEY))
    found += name_problems(project.agents, tuple(refs), Names(scope), rules)
    for agent in project.agents:
        found += _agent(agent, cloud, rules)
    return found


def _network(cloud: AwsCloud, file: str) -> Iterator[Problem]:
    if not cloud.assign_public_ip:
        # https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-task-networking.html
        yield Problem(
            file=file,
            key="cloud.assignPublicIp",
            message="without a public address, a task reaches its image and secret only through a NAT "
            "gateway or the endpoints ecr.api, ecr.dkr, s3, secretsmanager, dynamodb and logs",
            remedy="make sure that the subnets have one of the two",
            warning=True,
        )
    if cloud.lambda_subnets and cloud.use_lambda:
        # https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc-internet.html
        yield Problem(
            file=file,
            key="cloud.lambdaSubnets",
            message="a function in a VPC has no public address, so it reaches its model only through NAT",
            remedy="make sure that the subnets have a NAT gateway, or remove lambdaSubnets",
            warning=True,
        )


def _brought_roles(cloud: AwsCloud, project: Project, file: str) -> Iterator[Problem]:
    """Roles of agents that there are not: the agent that was meant would get one of ours instead."""
    known = {str(agent.name) for agent in project.agents}
    for name in sorted({agent for agent, _, _ in cloud.agent_roles} - known):
        yield Problem(
            file=file,
            key=f"cloud.agentRoles.{name}",
            message=f"{name!r} is no agent of {project.name}",
            remedy=f"correct the name, or remove the table; agents: {', '.join(sorted(known)) or 'none'}",
        )


def _agent(agent: Agent, cloud: Cloud, rules: Rules) -> Iterator[Problem]:
    file = f"agents/{agent.name}"
    if agent.isolation != "container":
        yield Problem(
            file=file,
            key="runtime.type",
            message=f"{agent.isolation!r} means a user of this machine, and {rules.cloud} runs containers only",
            remedy="remove [runtime], or run it with -E local",
        )
    for model in () if agent.script else agent.models:
        if model.auth_type == "pi_auth":
            yield Problem(
                file=file,
                key="models",
                message=f"{model.name!r} uses pi_auth, a login that exists on one machine only",
                remedy="use authType = 'api_key' and store the key with `al creds add`",
            )
        if cloud.endpoint is None:
            yield from _reach(model, file, rules.cloud, _own_network(agent, cloud))


def _reach(model: Model, file: str, cloud: str, network: str | None) -> Iterator[Problem]:
    """`network` is the key that says in which network of the user's own its runs are; it may be empty."""
    url = model.base_url or PROVIDERS[model.provider].base_url or ""
    kind = reach_of(url) if url else Reach.PUBLIC
    if kind is Reach.PUBLIC:
        return
    leads = kind is Reach.PRIVATE and network == ""
    ways = [f"use an address that {cloud} can reach", "run the agent with -E local"]
    if kind is Reach.PRIVATE and network:
        ways.insert(1, f"set {network} to a network that leads there")
    yield Problem(
        file=file,
        key="models",
        message=f"{model.name!r} is at {url}, a {kind} address",
        remedy="make sure that its subnets lead there" if leads else ", or ".join(ways),
        warning=leads,
    )


def _own_network(agent: Agent, cloud: Cloud) -> str | None:
    """The key that would put the agent's runs into a network of the user's own: empty where they are in one, None where
    there is no such key."""
    if not isinstance(cloud, AwsCloud):
        return None
    if cloud.use_lambda and agent.timeout <= LAMBDA_SECONDS:
        return "" if cloud.lambda_subnets else "cloud.lambdaSubnets"
    return "" if cloud.subnets else "cloud.subnets"
