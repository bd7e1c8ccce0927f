"""Secrets: the credentials' fields, the fingerprint key, and what runs have left.  Deleting one is at once and for good
(https://cloud.google.com/secret-manager/docs/delete-secret)."""

from collections.abc import Iterator
from typing import Any

from toolkit.core.gcp_names import secret_id, secret_name, tags_of
from toolkit.core.plan import Item

from .gcp_project import Project, short


class Secrets:
    kind = "secret"

    def __init__(self, project: Project) -> None:
        self._project = project

    def observe(self) -> Iterator[Item]:
        """By label, because the prefix of the names is a setting that may have changed since; and by name, to see whose
        the others are."""
        labels = self._project.google.labels()
        mine = " AND ".join(f"labels.{key}={value}" for key, value in sorted(labels.items()))
        prefix = self._project.google.secrets
        found = {short(s.name): s for s in self._listed(mine)}
        for secret in self._listed(f"name:{prefix}"):
            if short(secret.name).startswith(prefix):
                found.setdefault(short(secret.name), secret)
        for id_, secret in sorted(found.items()):
            yield Item(kind=self.kind, name=secret_name(id_), tags=self._tags(secret))

    def remove(self, item: Item) -> None:
        secret = self._look(item.name)
        if secret is None:
            return
        self._project.refuse_foreign(item, self._tags(secret))
        self._project.delete(
            f"deleting the secret {item.name}",
            lambda: self._client.delete_secret(name=self._path(item.name)),
        )
        self._project.until_gone(item, lambda: self._look(item.name))

    @property
    def _client(self) -> Any:
        from google.cloud import secretmanager_v1

        return self._project.client(secretmanager_v1.SecretManagerServiceClient)

    def _path(self, name: str) -> str:
        return f"{self._project.clients.parent}/secrets/{secret_id(name)}"

    def _listed(self, wanted: str) -> list[Any]:
        request = {"parent": self._project.clients.parent, "filter": wanted}
        return self._project.ask(
            "listing the secrets", lambda: list(self._client.list_secrets(request=request))
        )

    def _look(self, name: str) -> Any | None:
        return self._project.ask_for(
            f"looking at the secret {name}", lambda: self._client.get_secret(name=self._path(name))
        )

    def _tags(self, secret: Any) -> dict[str, str]:
        labels = dict(secret.labels)
        return self._project.tags(labels) | tags_of(labels, dict(secret.annotations))
