"""What can be asked of a live Google Cloud project before a push fails: whether it can be reached, and whether what the
environment names, and what earlier pushes made, is there and answers.

Only looks.  What whoever runs `al` may do there, and the agents' accounts, are the reconciler's (`al doctor -c`).
"""

from collections.abc import Iterator

from toolkit.clouds.gcp import cloud_of, gcp_clients_for
from toolkit.core.agent import Project
from toolkit.ops.doctor import preflight_deployed, strays
from toolkit.ops.look import Look
from toolkit.wiring import Services

PULL = ("artifactregistry.repositories.downloadArtifacts",)
JOBS = ("run.jobs.get",)
KEY = ("datastore.entities.get", "secretmanager.versions.access")


def check_account(services: Services) -> str:
    """Look at the project, as the first thing; its number.  Raises what Google says of the credentials or of it."""
    return gcp_clients_for(cloud_of(services.environment)).number


def looks(services: Services, project: Project, *, deep: bool) -> Iterator[Look]:
    """In the sandbox `al` makes the base itself."""
    if not services.environment.embedded:
        active = [agent for agent in project.agents if agent.scale > 0]
        yield Look(
            about="[images]",
            actions=PULL,
            look=lambda: preflight_deployed.base_images(services, active),
        )
    yield Look(about="the gateway", actions=KEY, look=lambda: preflight_deployed.gateway(services))
    if deep:
        yield Look(
            about="the agents' jobs",
            actions=JOBS,
            look=lambda: preflight_deployed.definitions(services),
        )
        yield Look(
            about="what is left in the project",
            actions=strays.ACTIONS,
            look=lambda: strays.held(services, project),
        )
