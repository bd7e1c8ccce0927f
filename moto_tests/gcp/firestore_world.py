"""A database of the embedded Firestore, and the unmodified client's calls on it, in few words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from google.cloud.firestore_admin_v1 import FirestoreAdminClient
from google.cloud.firestore_v1.services.firestore import FirestoreClient

from toolkit.clouds.gcp import GcpClients

NAME = "things"


def text(value: str) -> dict[str, Any]:
    return {"string_value": value}


def number(value: int) -> dict[str, Any]:
    return {"integer_value": value}


@dataclass(frozen=True)
class World:
    """One database."""

    clients: GcpClients
    path: str

    @property
    def client(self) -> FirestoreClient:
        return self.clients.client(FirestoreClient)

    @property
    def admin(self) -> FirestoreAdminClient:
        return self.clients.client(FirestoreAdminClient)

    @property
    def root(self) -> str:
        return f"{self.path}/documents"

    def name(self, path: str) -> str:
        return f"{self.root}/{path}"

    def document(self, path: str, **fields: Any) -> dict[str, Any]:
        return {"name": self.name(path), "fields": fields}

    def put(self, path: str, **fields: Any) -> Any:
        return self.client.update_document(request={"document": self.document(path, **fields)})

    def get(self, path: str) -> Any:
        return self.client.get_document(request={"name": self.name(path)})

    def commit(self, *writes: Mapping[str, Any], transaction: bytes = b"") -> Any:
        request = {"database": self.path, "writes": list(writes), "transaction": transaction}
        return self.client.commit(request=request, retry=None)

    def begin(self, **mode: Any) -> bytes:
        options = {"read_write": mode}
        answer = self.client.begin_transaction(request={"database": self.path, "options": options})
        return bytes(answer.transaction)

    def read(self, transaction: bytes, *paths: str) -> list[Any]:
        """The answers of one BatchGetDocuments."""
        names = [self.name(path) for path in paths]
        request = {"database": self.path, "documents": names, "transaction": transaction}
        return list(self.client.batch_get_documents(request=request))

    def found(
        self,
        collection: str,
        where: Sequence[tuple[str, str, Any]] = (),
        order: str = "",
        **more: Any,
    ) -> list[str]:
        """The ids that a query finds; `order` is e.g. `-created`, or `a, -b`."""
        answers = self.client.run_query(
            request={
                "parent": self.root,
                "structured_query": query(collection, where, order) | more,
            }
        )
        return [a.document.name.rpartition("/")[2] for a in answers if a.document.name]


def query(collection: str, where: Sequence[tuple[str, str, Any]], order: str) -> dict[str, Any]:
    """A StructuredQuery."""
    filters = [
        {"field_filter": {"field": {"field_path": field}, "op": op, "value": value}}
        for field, op, value in where
    ]
    orders = [
        {
            "field": {"field_path": part.lstrip("-")},
            "direction": "DESCENDING" if part.startswith("-") else "ASCENDING",
        }
        for part in filter(None, order.split(", "))
    ]
    made: dict[str, Any] = {"from_": [{"collection_id": collection}], "order_by": orders}
    condition = {"composite_filter": {"op": "AND", "filters": filters}}
    return made | ({"where": condition} if filters else {})


def world(clients: GcpClients, **settings: Any) -> World:
    """A new database `things`."""
    wanted = {"type_": "FIRESTORE_NATIVE", "location_id": clients.cloud.region} | settings
    request = {"parent": clients.parent, "database_id": NAME, "database": wanted}
    clients.client(FirestoreAdminClient).create_database(request=request).result(timeout=10)
    return World(clients, f"{clients.parent}/databases/{NAME}")
