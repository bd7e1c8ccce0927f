"""The gateway on Google Cloud: one Cloud Run service with a public URL, and the account that it runs as.  Pure.

Everybody may call it because webhook senders have no Google account; the gateway checks its own API key.  It is the
environment's scheduler: what it may do for that is in gcp_launches.py, what wakes it in gcp_schedule.py.
"""

from collections.abc import Iterable, Iterator, Sequence

from toolkit.core.agent import Agent, CredentialRef
from toolkit.core.environment import GcpCloud, Scope
from toolkit.core.errors import ConfigError
from toolkit.core.gcp_names import GcpNames
from toolkit.core.names import GATEWAY, Names, shorten
from toolkit.core.plan import Item

from . import gcp_launches, gcp_schedule
from .gcp_grants import Grants

API_KEY = (CredentialRef(type="gateway_api_key"), ("key",))
COMMAND = ("python3", "-P", "-m", "gateway.server")
# seconds that one answer may take, the most there is: logs are streamed
# (https://cloud.google.com/run/docs/configuring/request-timeout)
TIMEOUT = 3600
CPU, MEMORY = "1", "512Mi"


def items(
    cloud: GcpCloud,
    scope: Scope,
    number: str,
    image: str | None,
    *,
    agents: Sequence[Agent] = (),
    credentials: Iterable[CredentialRef] = (),
) -> Iterator[Item]:
    """The account with its roles, and the service with its clock once there is an image.  Raises ConfigError for an
    image without digest."""
    names, google = Names(scope), GcpNames(scope)
    account = google.service_account(GATEWAY)
    yield from gcp_launches.roles(cloud, scope)
    yield Item(
        kind="service_account",
        name=account,
        attributes={
            "display_name": shorten(f"the gateway of {scope.project}/{scope.environment}", 100),
            "grants": grants(cloud, scope, number, credentials),
        },
        tags=names.tags(),
    )
    if image is not None:
        yield _service(cloud, scope, account, image)
        yield from gcp_schedule.items(cloud, scope, agents)


def grants(
    cloud: GcpCloud, scope: Scope, number: str, credentials: Iterable[CredentialRef] = ()
) -> Grants:
    """On the project: what a scheduler needs, with its own key among the credentials."""
    return gcp_launches.grants(cloud, scope, number, [API_KEY[0], *credentials])


def _service(cloud: GcpCloud, scope: Scope, account: str, image: str) -> Item:
    if "@sha256:" not in image:
        raise ConfigError(
            f"the gateway's image {image!r} is not named by digest",
            hint="name it as `...@sha256:...`, so that what runs is what was checked",
        )
    return Item(
        kind="run_service",
        name=GcpNames(scope).service,
        attributes={
            "location": cloud.region,
            "image": image,
            "command": list(COMMAND),
            "account": account,
            "cpu": CPU,
            "memory": MEMORY,
            "timeout": TIMEOUT,
            "min_instances": cloud.min_instances,
            "cpu_always": cloud.min_instances > 0,
            "environment": {"AL_DEPLOYMENT": "/app/static/deployment.json", **_scheduling(cloud)},
            "public": True,
        },
        tags=Names(scope).tags(),
    )


def _scheduling(cloud: GcpCloud) -> dict[str, str]:
    """An instance that is always there has a processor all the time, and the scheduler's loop on it; one that comes and
    goes has one while it answers (https://cloud.google.com/run/docs/configuring/billing-settings)."""
    return {"AL_SCHEDULER": "loop"} if cloud.min_instances > 0 else {}
