"""Secrets, without values."""

from collections.abc import Iterable
from typing import Any

from toolkit.clouds.gcp import translated
from toolkit.core.gcp_names import tags_of
from toolkit.sandbox.resources import Inputs, Made

from . import Google, found, made, short


class Secret:
    def __init__(self, google: Google) -> None:
        self._google = google

    @staticmethod
    def ref(inputs: Inputs) -> str:
        return str(inputs["secretId"])

    def create(self, inputs: Inputs) -> Made | None:
        name = self.ref(inputs)
        request = {
            "parent": self._google.project,
            "secret_id": name,
            "secret": {"replication": {"automatic": {}}, **_labels(inputs)},
        }
        answer = made(
            f"making the secret {name}", lambda: self._client.create_secret(request=request)
        )
        return (name, {"name": self._name(name)}) if answer else None

    def update(self, inputs: Inputs) -> Made:
        name, labels = self.ref(inputs), _labels(inputs)
        with translated(f"changing the secret {name}"):
            self._client.update_secret(
                request={
                    "secret": {"name": self._name(name), **labels},
                    "update_mask": {"paths": list(labels)},
                }
            )
        return name, {"name": self._name(name)}

    def delete(self, ref: str) -> None:
        found(
            f"deleting the secret {ref}",
            lambda: self._client.delete_secret(request={"name": self._name(ref)}),
        )

    def present(self, ids: Iterable[str]) -> set[str]:
        with translated("listing the secrets"):
            listed = self._client.list_secrets(request={"parent": self._google.project})
            return set(ids) & {short(secret.name) for secret in listed}

    def tags(self, ref: str) -> dict[str, str] | None:
        secret = found(
            f"looking at the secret {ref}",
            lambda: self._client.get_secret(request={"name": self._name(ref)}),
        )
        if secret is None:
            return None
        labels = dict(secret.labels)
        return self._google.names.tags(labels) | tags_of(labels, dict(secret.annotations))

    @property
    def _client(self) -> Any:
        from google.cloud import secretmanager_v1

        return self._google.clients.client(secretmanager_v1.SecretManagerServiceClient)

    def _name(self, name: str) -> str:
        return f"{self._google.project}/secrets/{name}"


def _labels(inputs: Inputs) -> dict[str, Any]:
    return {
        "labels": dict(inputs.get("labels") or {}),
        "annotations": dict(inputs.get("annotations") or {}),
    }


WHOLES = {"gcp:secretmanager/secret:Secret": Secret}
PARTS: dict[str, type] = {}
