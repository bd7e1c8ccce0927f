"""Google Cloud's clients, made when first used, and the few facts of a project that every adapter needs.

Everything at run time talks to Google through here, so the embedded cloud is nothing but another endpoint.  It must not
know what the calls are for; their errors become ours in gcp_errors.py.  `gcloud` is never needed.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, cached_property
from threading import RLock
from typing import Any, TypeVar

from toolkit.core.environment import Environment, GcpCloud
from toolkit.core.errors import ConfigError
from toolkit.core.secrets import Secret

from .gcp_errors import translated
from .rates import Rate

__all__ = ["GcpClients", "cloud_of", "gcp_clients_for", "image_host", "translated"]

T = TypeVar("T")

SCOPE = "https://www.googleapis.com/auth/cloud-platform"
_LOOPBACK = ("127.0.0.1:", "localhost:", "[::1]:")
# Inside the embedded cloud, as Google's own emulators are found by variables of this form.
ENDPOINT_VARIABLE = "AL_GCP_ENDPOINT"
SECRET_WRITES = 600  # a minute, in a project: https://cloud.google.com/secret-manager/quotas
# a minute allows 60 in a project, whoever asks: https://cloud.google.com/logging/quotas
LOG_READS, LOG_SECONDS = 5, 10.0
# What Google's libraries look for a metadata server by; in the embedded cloud every container has one of its own.
METADATA_VARIABLE = "GCE_METADATA_HOST"


class GcpClients:
    """One identity's clients for one project; safe to share between threads."""

    def __init__(self, cloud: GcpCloud, key: Callable[[], Secret | None] = lambda: None) -> None:
        """`key` gives the JSON of a service account's key, or None: then application default credentials are used."""
        self.cloud = cloud
        self._key = key
        self._made: dict[type, Any] = {}
        self._lock = RLock()

    def client(self, kind: type[T]) -> T:
        """The client of that class, e.g. `client(run_v2.JobsClient)`.  Its calls belong in `with translated(...)`."""
        with self._lock:
            if kind not in self._made:
                with translated(f"preparing {kind.__name__}"):
                    self._made[kind] = self._new(kind)
            made: T = self._made[kind]
            return made

    @cached_property
    def credentials(self) -> Any:
        """What GOOGLE_APPLICATION_CREDENTIALS names, else the key, else what application default credentials find; they
        know workload identity federation as well
        (https://cloud.google.com/docs/authentication/application-default-credentials)."""
        if self._endpoint and METADATA_VARIABLE in os.environ:
            from google.auth import compute_engine

            return compute_engine.Credentials()  # type: ignore[no-untyped-call]
        if self._endpoint:
            from google.auth.credentials import AnonymousCredentials

            return AnonymousCredentials()  # type: ignore[no-untyped-call]
        if "GOOGLE_APPLICATION_CREDENTIALS" not in os.environ and (key := self._key()):
            return _of_key(key)
        with translated("looking for Google credentials"):
            import google.auth

            with _requests() as request:
                found, _ = google.auth.default(scopes=[SCOPE], request=request)
            return _counted(found, self.cloud.project)

    def stored_key(self) -> Secret | None:
        """The JSON of the service account's key, where it is what lets us in; for whoever has to be let in likewise."""
        if self._endpoint or "GOOGLE_APPLICATION_CREDENTIALS" in os.environ:
            return None
        return self._key()

    def token(self) -> Secret:
        """An access token, refreshed when it is due; for what is asked over HTTP.  Lives an hour at most."""
        with self._lock, translated("getting an access token"):
            credentials = self.credentials
            if self._endpoint and METADATA_VARIABLE not in os.environ:
                return Secret("sandbox")  # the operator of the embedded cloud
            if not credentials.valid:
                with _requests() as request:  # not needed again for an hour
                    credentials.refresh(request)
            return Secret(str(credentials.token))

    @cached_property
    def number(self) -> str:
        """The project's number, which IAM conditions on secrets want
        (https://cloud.google.com/iam/docs/conditions-resource-attributes)."""
        if self.cloud.number:
            return self.cloud.number
        from google.cloud import resourcemanager_v3

        with translated(f"looking at the project {self.cloud.project}"):
            client = self.client(resourcemanager_v3.ProjectsClient)
            found = client.get_project(name=f"projects/{self.cloud.project}")
        return str(found.name.rpartition("/")[2])

    @cached_property
    def secret_writes(self) -> Rate:
        """This process's share of Secret Manager's writes: all of them."""
        return Rate(SECRET_WRITES)

    @cached_property
    def log_reads(self) -> Rate:
        """This process's share of Cloud Logging's reads: half of them, and a few at once for somebody who waits."""
        return Rate(LOG_READS, LOG_SECONDS)

    @property
    def parent(self) -> str:
        return f"projects/{self.cloud.project}"

    @property
    def location(self) -> str:
        return f"projects/{self.cloud.project}/locations/{self.cloud.region}"

    @property
    def _endpoint(self) -> str | None:
        return self.cloud.endpoint or os.environ.get(ENDPOINT_VARIABLE)

    def _new(self, kind: Any) -> Any:
        # what grpc writes to stderr is for its developers; what matters comes as an exception
        os.environ.setdefault("GRPC_VERBOSITY", "NONE")
        if self._endpoint is None:
            return kind(credentials=self.credentials)
        channel = _insecure(self._endpoint)
        if METADATA_VARIABLE in os.environ:  # a container says who it is, as it would with TLS
            from .gcp_identity import identified

            channel = identified(channel, self.token)
        return kind(transport=kind.get_transport_class("grpc")(channel=channel))


class _Unknown:
    """An answer to a question that nobody asks."""

    status, data = 404, b"{}"


@contextmanager
def _requests() -> Iterator[Any]:
    """How google.auth asks for tokens, until the end of the block.  It would also ask Resource Manager which project a
    federated identity is of, which may be forbidden or disabled, and is known here."""
    import requests
    from google.auth.transport.requests import Request

    with requests.Session() as session:
        real = Request(session)

        def request(url: str, **more: Any) -> Any:
            asks_project = url.startswith("https://cloudresourcemanager.googleapis.com/")
            return _Unknown if asks_project else real(url=url, **more)

        yield request


@cache
def _insecure(endpoint: str) -> Any:
    """A channel without TLS: to this machine only, for anybody in between could read along."""
    if not endpoint.startswith(_LOOPBACK):
        raise ConfigError(
            f"{endpoint} is not on this machine, and the embedded cloud speaks without TLS",
            hint="`endpoint` is for the sandbox only: leave it out to reach Google",
        )
    import grpc

    # agents' environments may name proxies; none stands between this machine and itself
    return grpc.insecure_channel(endpoint, options=(("grpc.enable_http_proxy", 0),))


def _counted(credentials: Any, project: str) -> Any:
    """A person's own login belongs to no project, and several APIs refuse it without one to count its calls against
    (https://cloud.google.com/docs/quotas/set-quota-project).  One that the person has chosen stays."""
    from google.oauth2.credentials import Credentials

    if isinstance(credentials, Credentials) and not credentials.quota_project_id:
        return credentials.with_quota_project(project)
    return credentials


def _of_key(key: Secret) -> Any:
    import json

    from google.oauth2 import service_account

    try:
        return service_account.Credentials.from_service_account_info(  # type: ignore[no-untyped-call]
            json.loads(key.reveal()), scopes=[SCOPE]
        )
    except (ValueError, KeyError) as error:
        # the cause would quote the key
        raise ConfigError(
            f"the service account's key cannot be used ({type(error).__name__})",
            hint="`al creds add gcp_service_account` stores another one",
        ) from None


_clients: dict[GcpCloud, GcpClients] = {}


def gcp_clients_for(cloud: GcpCloud, key: Callable[[], Secret | None] = lambda: None) -> GcpClients:
    """The process's one GcpClients for that project; `key` counts where they are first asked for, which wiring does."""
    return _clients.setdefault(cloud, GcpClients(cloud, key))


def cloud_of(environment: Environment) -> GcpCloud:
    """The environment's project.  Raises ConfigError when it is not on Google Cloud."""
    if not isinstance(environment.cloud, GcpCloud):
        raise ConfigError(
            f"environment {environment.name!r} is not on Google Cloud",
            hint='its file needs a [cloud] table with provider = "cloud-run", project and region',
        )
    return environment.cloud


def image_host(cloud: GcpCloud) -> str:
    """The registry's host (https://cloud.google.com/artifact-registry/docs/docker/names)."""
    return f"{cloud.region}-docker.pkg.dev"
