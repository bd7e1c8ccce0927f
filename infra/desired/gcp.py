"""What a Google Cloud project should hold for a project in an environment (D6): project in, items out.

Pure: no cloud, no Pulumi, no value of a secret.  The Pulumi program renders these items, and `al doctor -c` compares a
live project with the same ones.  The Firestore database is not among them: it must be there before the deploy lease, so
the ledger makes it.  Nor are the agents' jobs, which push makes when there is an image.

Kinds and their attributes:

    api               none: the service is enabled in the project
    image_repository  location, format, cleanup
    secret            description; its name has `/` between its parts, as everywhere of ours
    custom_role       title, permissions
    service_account   display_name, grants (roles on the project, each under the condition that limits it), perhaps
                      actors (accounts that may act as it)
    run_service       location, image, command, account, cpu, memory, timeout, min_instances, cpu_always, environment,
                      public
    timer             location, schedule, time_zone, service, path, account, deadline
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from toolkit.clouds.gcp import cloud_of
from toolkit.clouds.gcp_runs import RUN_PERMISSIONS, run_condition
from toolkit.core.agent import Agent, CredentialRef
from toolkit.core.environment import Environment, GcpCloud
from toolkit.core.errors import Conflict
from toolkit.core.gcp_names import GcpNames
from toolkit.core.names import GATEWAY, Names, shorten
from toolkit.core.plan import Item

from . import builds, gcp_gateway, gcp_limits
from .gcp_grants import Grants, granted
from .gcp_launches import HANDS_OVER, LAUNCHES

Needed = tuple[CredentialRef, tuple[str, ...]]  # a credential and the fields of its type

KINDS = (
    *(
        "api",
        "image_repository",
        "secret",
        "custom_role",
        "service_account",
        "run_service",
        "timer",
    ),
)
RUNS = "runs"  # the purpose of the agents' custom role, as in GcpNames.role
PURPOSES = (RUNS, LAUNCHES, HANDS_OVER)  # of all custom roles

# in the order in which a push first needs them; what enables them is enabled by hand (docs/gcp.md)
APIS = (
    "cloudresourcemanager.googleapis.com",
    "iam.googleapis.com",
    "firestore.googleapis.com",
    "secretmanager.googleapis.com",
    "artifactregistry.googleapis.com",
    "run.googleapis.com",
    "logging.googleapis.com",
    "cloudscheduler.googleapis.com",
)
# Tags are hashes of contents and never move, so a digest that a job names is never untagged; what was pushed half is.
# https://cloud.google.com/artifact-registry/docs/repositories/cleanup-policy
CLEANUP: Mapping[str, Mapping[str, str]] = {
    "untagged": {"action": "DELETE", "tag_state": "UNTAGGED", "older_than": "604800s"},
    "tagged": {"action": "KEEP", "tag_state": "TAGGED"},
}


def desired(
    environment: Environment,
    agents: Sequence[Agent],
    credentials: Sequence[Needed],
    *,
    number: str,
    gateway_image: str | None,
) -> tuple[Item, ...]:
    """Every item, in the order in which they can be made.

    `number` is the project's: conditions on secrets see no other name of it
    (https://cloud.google.com/iam/docs/conditions-resource-attributes).  `gateway_image` is by digest; None leaves the
    service out, because a first push must make the repository before there can be an image.  Raises LimitExceeded for
    what Google would refuse, and Conflict for two things of one name, before anything is sent.
    """
    scene = _Scene(environment, number)
    items = [
        *(Item(kind="api", name=name) for name in apis(environment)),
        *scene.repositories(),
        *scene.secrets([*credentials, gcp_gateway.API_KEY]),
        *scene.roles(),
        *(account for agent in agents for account in scene.accounts(agent)),
        *builds.gcp_items(environment, scene.cloud),
        *gcp_gateway.items(
            scene.cloud,
            environment.scope,
            number,
            gateway_image,
            agents=agents,
            credentials=[ref for ref, _ in credentials],
        ),
    ]
    ordered = tuple(sorted(_once(items), key=lambda i: (KINDS.index(i.kind), i.name)))
    gcp_limits.check(ordered)
    return ordered


def apis(environment: Environment) -> tuple[str, ...]:
    """Cloud Build's only where it builds."""
    builds_there = environment.images.get("builder") == "cloudbuild"
    return (*APIS, "cloudbuild.googleapis.com") if builds_there else APIS


class _Scene:
    """One environment's items, by kind."""

    def __init__(self, environment: Environment, number: str) -> None:
        self.environment, self._number = environment, number
        self.cloud: GcpCloud = cloud_of(environment)
        self.names, self._google = Names(environment.scope), GcpNames(environment.scope)

    def repositories(self) -> Iterator[Item]:
        """One for all images, unless the user names one."""
        if self.cloud.repository == self._google.repository:
            yield Item(
                kind="image_repository",
                name=self.cloud.repository,
                attributes={
                    "location": self.cloud.region,
                    "format": "DOCKER",
                    "cleanup": {policy: dict(rule) for policy, rule in CLEANUP.items()},
                },
                tags=self.names.tags(),
            )

    def secrets(self, credentials: Iterable[Needed]) -> Iterator[Item]:
        """Containers only: `al push` and `al creds` set the values."""
        for ref, fields in credentials:
            for field in fields:
                yield Item(
                    kind="secret",
                    name=self.names.credential(ref, field),
                    attributes={"description": f"{field} of the credential {ref}"},
                    tags=self.names.tags(),
                )

    def roles(self) -> Iterator[Item]:
        """What every agent may do, each under a condition of its own.  No role of Google's is as small: the accessor may
        not delete, and whoever may delete may also write."""
        if not self.cloud.service_account:
            scope = self.environment.scope
            yield Item(
                kind="custom_role",
                name=self._google.role(RUNS),
                attributes={
                    "title": shorten(
                        f"al: own run secrets in {scope.project}/{scope.environment}", 100
                    ),
                    "permissions": sorted(RUN_PERMISSIONS),
                },
                tags=self.names.tags(),
            )

    def accounts(self, agent: Agent) -> Iterator[Item]:
        """One per agent, unless the user brings one for all.  A job without one would run as the project's default
        account, which is often an editor (https://cloud.google.com/run/docs/securing/service-identity)."""
        if not self.cloud.service_account:
            scope = self.environment.scope
            yield Item(
                kind="service_account",
                name=self._google.service_account(agent.name),
                attributes={
                    "display_name": shorten(
                        f"{agent.name} of {scope.project}/{scope.environment}", 100
                    ),
                    "grants": self._grants(agent),
                    **self._actors(),
                },
                tags=self.names.tags(agent=agent.name),
            )

    def _actors(self) -> dict[str, Any]:
        """Who may make jobs that run as the account, besides whoever runs `al`: with mounted secrets a run has a job of its
        own, so the gateway makes it (https://cloud.google.com/run/docs/configuring/jobs/service-identity)."""
        if not self.cloud.mount_secrets:
            return {}
        return {"actors": [self._google.service_account(GATEWAY)]}

    def _grants(self, agent: Agent) -> Grants:
        """Its own runs' secrets, and nothing else.  Cloud Run writes its log and pulls its image itself
        (https://cloud.google.com/run/docs/logging, https://cloud.google.com/run/docs/deploying#other-projects)."""
        role = f"projects/{self.cloud.project}/roles/{self._google.role(RUNS)}"
        condition = run_condition(self._google, self._number, agent.name)
        return granted(role, title="own run secrets", expression=condition)


def _once(items: Iterable[Item]) -> Iterable[Item]:
    """A credential of two agents is one secret.  Raises Conflict for two different things of one name: Google's names
    are short, so two agents' may be the same."""
    seen: dict[tuple[str, str], Item] = {}
    for item in items:
        if seen.setdefault(item.key, item) != item:
            raise Conflict(
                f"two things would be the {item.kind.replace('_', ' ')} {item.name}: {_whose(seen[item.key], item)}",
                hint="rename one agent",
            )
    return seen.values()


def _whose(*items: Item) -> str:
    def agent(item: Item) -> Any:
        return item.tags.get("al:agent") or "the environment"

    return " and ".join(str(agent(item)) for item in items)
