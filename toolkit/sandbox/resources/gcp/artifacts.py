"""Repositories in Artifact Registry."""

from collections.abc import Iterable
from typing import Any

from toolkit.clouds.gcp import translated
from toolkit.sandbox.resources import Inputs, Made

from . import Google, found, made, short


class Repository:
    def __init__(self, google: Google) -> None:
        self._google = google

    @staticmethod
    def ref(inputs: Inputs) -> str:
        return str(inputs["repositoryId"])

    def create(self, inputs: Inputs) -> Made | None:
        name = self.ref(inputs)
        request = {
            "parent": self._google.clients.location,
            "repository_id": name,
            "repository": {"format_": inputs["format"], **_settings(inputs)},
        }
        answer = made(
            f"making the repository {name}",
            lambda: self._client.create_repository(request=request).result(),
        )
        return (name, {"name": self._name(name)}) if answer else None

    def update(self, inputs: Inputs) -> Made:
        name, settings = self.ref(inputs), _settings(inputs)
        with translated(f"changing the repository {name}"):
            self._client.update_repository(
                request={
                    "repository": {"name": self._name(name), **settings},
                    "update_mask": {"paths": list(settings)},
                }
            )
        return name, {"name": self._name(name)}

    def delete(self, ref: str) -> None:
        """With its images."""
        found(
            f"deleting the repository {ref}",
            lambda: self._client.delete_repository(request={"name": self._name(ref)}).result(),
        )

    def present(self, ids: Iterable[str]) -> set[str]:
        with translated("listing the repositories"):
            listed = self._client.list_repositories(
                request={"parent": self._google.clients.location}
            )
            return set(ids) & {short(repository.name) for repository in listed}

    def tags(self, ref: str) -> dict[str, str] | None:
        repository = found(
            f"looking at the repository {ref}",
            lambda: self._client.get_repository(request={"name": self._name(ref)}),
        )
        return self._google.names.tags(dict(repository.labels)) if repository else None

    @property
    def _client(self) -> Any:
        from google.cloud import artifactregistry_v1

        return self._google.clients.client(artifactregistry_v1.ArtifactRegistryClient)

    def _name(self, name: str) -> str:
        return f"{self._google.clients.location}/repositories/{name}"


def _settings(inputs: Inputs) -> dict[str, Any]:
    return {
        "labels": dict(inputs["labels"]),
        "cleanup_policies": {policy["id"]: _policy(policy) for policy in inputs["cleanupPolicies"]},
        "cleanup_policy_dry_run": inputs["cleanupPolicyDryRun"],
    }


def _policy(policy: Inputs) -> dict[str, Any]:
    wanted = policy["condition"]
    condition = {"tag_state": wanted["tagState"]}
    if older := wanted.get("olderThan"):
        condition["older_than"] = {"seconds": int(older.removesuffix("s"))}
    return {"id": policy["id"], "action": policy["action"], "condition": condition}


WHOLES = {"gcp:artifactregistry/repository:Repository": Repository}
PARTS: dict[str, type] = {}
