"""A store in the embedded Secret Manager, and Google's own client beside it, for tests that look at both."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from google.cloud import secretmanager_v1

from toolkit.clouds.gcp import GcpClients
from toolkit.core.gcp_names import secret_id
from toolkit.core.names import Names
from toolkit.core.ports import Context
from toolkit.core.run import RunId
from toolkit.core.secrets import Secret
from toolkit.credentials.stores.gcp_secrets import GcpSecrets
from toolkit.sandbox.gcp.cloud import Google

RUN = RunId("dev-1a2b3c4d")
REPLICATION = {"replication": {"automatic": {}}}


@dataclass
class Shelf:
    """`name` is a credential's, `run_name` a run's."""

    google: Google
    context: Context
    clients: GcpClients
    store: GcpSecrets

    @property
    def names(self) -> Names:
        return self.context.names

    @property
    def name(self) -> str:
        return f"{self.names.secrets}github_token/default/token"

    @cached_property
    def run_name(self) -> str:
        return self.names.run_secret(RUN)

    @cached_property
    def client(self) -> Any:
        return self.clients.client(secretmanager_v1.SecretManagerServiceClient)

    def path(self, name: str = "") -> str:
        return f"{self.clients.parent}/secrets/{secret_id(name or self.name)}"

    def put(self, value: str, name: str = "", **tags: str) -> None:
        tags = self.names.tags(agent="dev", run=RUN, **tags)
        self.store.put(name or self.name, Secret(value), tags=tags)

    def value(self, name: str = "") -> str | None:
        found = self.store.get(name or self.name)
        return found.reveal() if found else None

    def make(self, id_: str, **labels: str) -> None:
        """A secret without a version, by somebody else."""
        secret = {**REPLICATION, "labels": labels}
        self.client.create_secret(parent=self.clients.parent, secret_id=id_, secret=secret)

    def states(self, name: str = "") -> dict[str, str]:
        """Number -> state of every version."""
        found = self.client.list_secret_versions(parent=self.path(name))
        return {version.name.rpartition("/")[2]: version.state.name for version in found}

    def ids(self) -> list[str]:
        found = self.client.list_secrets(parent=self.clients.parent)
        return [secret.name.rpartition("/")[2] for secret in found]

    def calls(self) -> dict[str, int]:
        """How often each RPC was called since the last time."""
        found = {method.rpartition("/")[2]: count for method, count in self.google.counts.items()}
        self.google.counts.clear()
        return found
