"""The gateway on Google Cloud: one Cloud Run service with a public URL, and the account that it runs as.  Pure.

Everybody may call it because webhook senders have no Google account; the gateway checks its own API key.
"""

from collections.abc import Iterator

from toolkit.core.agent import CredentialRef
from toolkit.core.environment import GcpCloud, Scope
from toolkit.core.errors import ConfigError
from toolkit.core.gcp_names import GcpNames, secret_id
from toolkit.core.names import GATEWAY, Names, shorten
from toolkit.core.plan import Item

from .gcp_grants import Grants, granted

API_KEY = (CredentialRef(type="gateway_api_key"), ("key",))
COMMAND = ("python3", "-P", "-m", "gateway.server")
# seconds that one answer may take, the most there is: logs are streamed
# (https://cloud.google.com/run/docs/configuring/request-timeout)
TIMEOUT = 3600
CPU, MEMORY = "1", "512Mi"


def items(cloud: GcpCloud, scope: Scope, number: str, image: str | None) -> Iterator[Item]:
    """The account, and the service once there is an image.  Raises ConfigError for an image without digest."""
    names, google = Names(scope), GcpNames(scope)
    account = google.service_account(GATEWAY)
    yield Item(
        kind="service_account",
        name=account,
        attributes={
            "display_name": shorten(f"the gateway of {scope.project}/{scope.environment}", 100),
            "grants": grants(cloud, scope, number),
        },
        tags=names.tags(),
    )
    if image is not None:
        yield _service(cloud, scope, account, image)


def grants(cloud: GcpCloud, scope: Scope, number: str) -> Grants:
    """It reads its key, the runs and their logs; it starts nothing, writes nothing and lists no secrets.

    Logs are read by filter, and no condition narrows what a filter may find
    (https://cloud.google.com/logging/docs/access-control), so it could read those of the whole project.
    """
    names, google = Names(scope), GcpNames(scope)
    ref, (field,) = API_KEY
    key = f"projects/{number}/secrets/{secret_id(names.credential(ref, field))}/versions/"
    database = f"projects/{cloud.project}/databases/{google.database}"
    return {
        **granted(
            "roles/secretmanager.secretAccessor",
            title="its API key",
            expression=f'resource.name.startsWith("{key}")',
        ),
        **granted(
            "roles/datastore.viewer",
            title="runs of this environment",
            expression=f'resource.name == "{database}"',
        ),
        **granted("roles/logging.viewer"),
    }


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
            "environment": {"AL_DEPLOYMENT": "/app/static/deployment.json"},
            "public": True,
        },
        tags=Names(scope).tags(),
    )
