"""A project on Google Cloud, and Pulumi's provider for it.

Untried against a real project, as docs/gcp.md says.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from toolkit.clouds.gcp import cloud_of, gcp_clients_for
from toolkit.clouds.gcp_errors import refusal
from toolkit.core.errors import AlError, ConfigError
from toolkit.core.gcp_names import account_email, secret_id
from toolkit.core.plan import Item
from toolkit.core.ports import Context

from . import state_bucket_gcp
from .adoption import Found, Key
from .inventory.account import Noun
from .inventory.gcp_identities import Accounts, Roles
from .inventory.gcp_images import Repositories
from .inventory.gcp_project import Enabled, Project
from .inventory.gcp_run import Services
from .inventory.gcp_secrets import Secrets
from .inventory.gcp_timers import Timers

WHOLES: Mapping[str, str] = {
    "image_repository": "gcp:artifactregistry/repository:Repository",
    "secret": "gcp:secretmanager/secret:Secret",
    "custom_role": "gcp:projects/iAMCustomRole:IAMCustomRole",
    "service_account": "gcp:serviceaccount/account:Account",
    "run_service": "gcp:cloudrunv2/service:Service",
    "timer": "gcp:cloudscheduler/job:Job",
}
_NOUNS: Mapping[str, Callable[[Project], Noun]] = {
    noun.kind: noun for noun in (Repositories, Secrets, Roles, Accounts, Services, Timers)
}
# how the provider passes on what an API has refused
_REFUSAL = re.compile(r"googleapi: Error (?P<status>\d{3}): (?P<words>[^\n]*)")


class GcpProvider:
    """Raises ConfigError for an environment that is not on Google Cloud."""

    package, words, wholes = "gcp", "Google Cloud", WHOLES

    def __init__(self, context: Context) -> None:
        self._cloud, self._names = cloud_of(context.environment), context.names
        self._clients = gcp_clients_for(self._cloud)

    def program(self, items: Sequence[Item], adopted: Mapping[Key, str]) -> Callable[[], None]:
        from .programs.gcp import program

        return program(self._cloud.project, items, adopted)

    def check_account(self) -> None:
        """That the project is there and may be looked at: identities are not of one project."""
        from google.cloud import resourcemanager_v3

        project = Project(clients=self._clients, names=self._names)
        client = self._clients.client(resourcemanager_v3.ProjectsClient)
        look = partial(client.get_project, name=self._clients.parent)
        project.ask(f"looking at the project {self._cloud.project}", look)

    def settings(self) -> Mapping[str, Any]:
        """https://www.pulumi.com/registry/packages/gcp/installation-configuration/"""
        return {"gcp:project": self._cloud.project, "gcp:region": self._cloud.region}

    def variables(self) -> Mapping[str, str]:
        """The key that this machine has for `al`, in the variable that both the provider and Pulumi's own gs:// backend
        read (https://www.pulumi.com/docs/iac/concepts/state-and-backends/#google-cloud-storage); without one they look
        for application default credentials as we do."""
        key = self._clients.stored_key()
        return {"GOOGLE_CREDENTIALS": key.reveal()} if key else {}

    def find(self, items: Iterable[Item]) -> tuple[Found, ...]:
        project = Project(clients=self._clients, names=self._names)
        wanted = {item.key: item for item in items}
        kinds = {item.kind for item in wanted.values()}
        return tuple(
            Found(
                item=wanted[live.key],
                tags=live.tags,
                imports={(WHOLES[live.kind], live.name): self._import_id(live)},
            )
            for kind in sorted(kinds & _NOUNS.keys())
            for live in Enabled(_NOUNS[kind](project)).observe()
            if live.key in wanted
        )

    def restore(self, ref: str) -> None:
        """Nothing waits for its deletion but custom roles, and those the provider brings back itself."""
        raise ConfigError(f"{ref} does not wait for its deletion", hint="run the command again")

    def bucket(self, *, make: bool) -> str | None:
        look = state_bucket_gcp.ensure if make else state_bucket_gcp.find
        name = look(self._clients, self._names)
        return f"gs://{name}" if name else None

    def meaning(self, text: str) -> tuple[type[AlError], str] | None:
        return meaning_of(text)

    def _import_id(self, live: Item) -> str:
        """As the section "Import" of each resource of https://www.pulumi.com/registry/packages/gcp/ has it."""
        parent, location, name = self._clients.parent, self._clients.location, live.name
        return {
            "image_repository": f"{location}/repositories/{name}",
            "secret": f"{parent}/secrets/{secret_id(name)}",
            "custom_role": f"{parent}/roles/{name}",
            "service_account": f"{parent}/serviceAccounts/{account_email(name, self._cloud.project)}",
            "run_service": f"{location}/services/{name}",
            "timer": f"{location}/jobs/{name}",
        }[live.kind]


def meaning_of(text: str) -> tuple[type[AlError], str] | None:
    """The provider hands the API's status and sentence through."""
    said = _REFUSAL.search(text)
    if said is None:
        return None
    error = refusal("", int(said["status"]), "", said["words"])
    return type(error), error.hint
