"""The Firestore database of the environment's shared state.  It has no labels: a document in it says whose it is.

The id of a deleted one cannot be used again for 5 minutes (https://firebase.google.com/docs/firestore/manage-databases).
"""

from collections.abc import Iterator
from typing import Any

from toolkit.core.plan import Item

from .gcp_project import Project

GONE_SECONDS = 300.0
OWNER = "al/owner"  # as the ledger writes it: {"project", "environment"}


class Databases:
    kind = "database"

    def __init__(self, project: Project) -> None:
        self._project = project

    def observe(self) -> Iterator[Item]:
        name = self._project.google.database
        if self._look(name):
            yield Item(kind=self.kind, name=name, tags=self._tags(name))

    def remove(self, item: Item) -> None:
        if not self._look(item.name):
            return
        self._project.refuse_foreign(item, self._tags(item.name))
        self._project.delete(
            f"deleting the database {item.name}",
            lambda: self._admin.delete_database(name=self._path(item.name)).result(),
        )
        self._project.until_gone(item, lambda: self._look(item.name), seconds=GONE_SECONDS)

    @property
    def _admin(self) -> Any:
        from google.cloud.firestore_admin_v1 import FirestoreAdminClient

        return self._project.client(FirestoreAdminClient)

    def _path(self, name: str) -> str:
        return f"{self._project.clients.parent}/databases/{name}"

    def _look(self, name: str) -> Any | None:
        return self._project.ask_for(
            f"looking at the database {name}",
            lambda: self._admin.get_database(name=self._path(name)),
        )

    def _tags(self, name: str) -> dict[str, str]:
        """Of its owner; none, when no document of ours is in it, as in one that was never completed."""
        from google.cloud.firestore_v1.services.firestore import FirestoreClient

        client = self._project.client(FirestoreClient)
        document = self._project.ask_for(
            f"looking whose the database {name} is",
            lambda: client.get_document(request={"name": f"{self._path(name)}/documents/{OWNER}"}),
        )
        if document is None:
            return {}
        fields = {key: document.fields[key].string_value for key in ("project", "environment")}
        return {"al:managed": "true", **{f"al:{key}": value for key, value in fields.items()}}
