"""What AWS, or the distance to it, would refuse of a project and an environment that are each valid by themselves.

Pure: reads values, asks no cloud.  What one runtime refuses of one agent is that runtime's `check`.
"""

import re
from collections.abc import Iterator
from ipaddress import ip_address
from urllib.parse import urlsplit

from toolkit.core.agent import Agent, CredentialRef, Model, Project
from toolkit.core.environment import AwsCloud, Environment
from toolkit.core.names import Names
from toolkit.credentials.resolve import project_credentials, type_of

from .problems import Problem

# https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html
_SECRET_NAME = re.compile(r"[A-Za-z0-9/_+=.@-]+")
_LONGEST_SECRET_NAME = 256  # SecretNameType, which the other operations take


def aws_problems(project: Project, environment: Environment) -> list[Problem]:
    """Everything that would go wrong on AWS; empty for another place.  Raises CredentialError as `required`."""
    cloud = environment.cloud
    if not isinstance(cloud, AwsCloud):
        return []
    names = Names(environment.scope)
    found = list(_network(cloud, f"environments/{environment.name}.toml"))
    for ref in project_credentials(project):
        found += _secret_names(ref, names)
    for agent in project.agents:
        found += _agent(agent, cloud)
    return found


def secret_name_problem(name: str) -> str:
    """Why Secrets Manager would refuse or misread `name`, or ""."""
    if not _SECRET_NAME.fullmatch(name):
        return "has characters other than letters, digits and /_+=.@-"
    if len(name) > _LONGEST_SECRET_NAME:
        return f"is longer than {_LONGEST_SECRET_NAME} characters"
    if re.search(r"-[A-Za-z0-9]{6}$", name):
        # https://docs.aws.amazon.com/secretsmanager/latest/userguide/troubleshoot.html
        return "ends in a hyphen and six characters, which AWS takes for the end of an ARN"
    return ""


def _secret_names(ref: CredentialRef, names: Names) -> Iterator[Problem]:
    for field in type_of(ref).fields:
        name = names.credential(ref, field.name)
        if words := secret_name_problem(name):
            yield Problem(
                file="[cloud]",
                key="secretPrefix",
                message=f"the secret's name {name!r} {words}",
                remedy=f"change the prefix, or the instance of {ref}",
            )
            return


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


def _agent(agent: Agent, cloud: AwsCloud) -> Iterator[Problem]:
    file = f"agents/{agent.name}"
    if agent.isolation != "container":
        yield Problem(
            file=file,
            key="runtime.type",
            message=f"{agent.isolation!r} means a user of this machine, and AWS runs containers only",
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
        if cloud.endpoint is None and model.base_url:
            yield from _reach(model, file)


def _reach(model: Model, file: str) -> Iterator[Problem]:
    kind = _place(urlsplit(model.base_url or "").hostname or "")
    if kind:
        yield Problem(
            file=file,
            key="models",
            message=f"{model.name!r} is at {model.base_url}, a {kind} address",
            remedy="use an address that AWS can reach",
            warning=kind == "private",  # a VPC may lead to it
        )


def _place(host: str) -> str:
    """`loopback`, `private`, or "" for an address that anyone may reach."""
    if host == "localhost" or host.endswith((".localhost", "host.docker.internal")):
        return "loopback"
    try:
        address = ip_address(host)
    except ValueError:
        return ""
    if address.is_loopback or address.is_unspecified:
        return "loopback"
    return "private" if address.is_private else ""
