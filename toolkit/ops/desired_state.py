"""What should exist in the environment's cloud: the one place where pushes and doctor ask which cloud it is."""

from collections.abc import Mapping
from typing import Any

from infra.desired import aws, gcp
from infra.desired.gateway_grants import Deployed
from toolkit.clouds.gcp import gcp_clients_for
from toolkit.core.agent import CredentialRef, Project
from toolkit.core.environment import GcpCloud
from toolkit.core.placement import runtime_name
from toolkit.core.plan import Item
from toolkit.credentials import resolve
from toolkit.ops import network
from toolkit.wiring import Services


def items(
    services: Services, project: Project, facts: Mapping[str, Any], *, gateway_image: str | None
) -> tuple[Item, ...]:
    """The desired state.  `gateway_image` is None until a first push has made a place for it.

    May ask the cloud for what it follows from: on AWS the network that runs are in, on Google the project's number.
    """
    environment = services.environment
    credentials = needed(project)
    if isinstance(environment.cloud, GcpCloud):
        return gcp.desired(
            environment,
            project.agents,
            credentials,
            number=gcp_clients_for(environment.cloud).number,
            gateway_image=gateway_image,
        )
    return aws.desired(
        environment,
        deployed(services, project),
        credentials,
        gateway_image=gateway_image,
        networks=network.networks(services, project, facts),
    )


def deployed(services: Services, project: Project) -> list[Deployed]:
    """Every agent with its runtime, and what its runs may do there."""
    where = services.environment
    return [
        (agent, runtime_name(agent, where), services.runtime_for(agent).grants(agent))
        for agent in project.agents
    ]


def needed(project: Project) -> list[tuple[CredentialRef, tuple[str, ...]]]:
    """Every credential of the project's agents and webhook sources, with the fields of its type."""
    return [_needed(ref) for ref in resolve.project_credentials(project)]


def _needed(ref: CredentialRef) -> tuple[CredentialRef, tuple[str, ...]]:
    return ref, tuple(field.name for field in resolve.type_of(ref).fields)
