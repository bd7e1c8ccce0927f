"""One Firestore database, as the ledger uses it: whole answers, conditional writes, and patience.

Every query here is answered by Firestore's own single-field indexes, so nothing has to be declared or built
(https://firebase.google.com/docs/firestore/query-data/index-overview).  It knows nothing of runs.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from toolkit.clouds.gcp import gcp_clients_for, translated
from toolkit.clouds.gcp_errors import BY_HAND, class_of
from toolkit.core.environment import GcpCloud
from toolkit.core.errors import AlError, Conflict
from toolkit.core.retry import retrying

from ._firestore_values import decoded, encoded

T = TypeVar("T")

Values = Mapping[str, Any]
Write = Mapping[str, Any]
PATIENCE = 20.0  # seconds that a call is repeated for
MOST_WRITES = 500  # of one request, which may have 10 MiB
ANSWER = 15.0  # seconds that one answer is waited for
_LAST = "\U0010ffff"  # no text of ours has it: where a prefix ends
_EXPIRED = "transaction has expired"
# Google's own words have the address where that is done; a push needs the database before it enables anything
HINTS = {
    "ConfigError": f"enable the Firestore API in the project (before a first push {BY_HAND}), and run the command again"
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A document as it was; `version` is the time of its last change."""

    name: str
    values: Values
    version: Any


class Overtaken(Conflict):
    """The document is not as it was seen."""


class Documents:
    """Requests to the database `database`.  Errors are ours, with Google's own as their cause."""

    def __init__(
        self,
        cloud: GcpCloud,
        database: str,
        *,
        patience: float = PATIENCE,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.cloud, self.database, self._patience = cloud, database, patience
        self.path = f"projects/{cloud.project}/databases/{database}"
        self._sleep = sleep

    @property
    def client(self) -> Any:
        from google.cloud.firestore_v1.services.firestore import FirestoreClient

        return gcp_clients_for(self.cloud).client(FirestoreClient)

    def name(self, collection: str, id_: str) -> str:
        return f"{self.path}/documents/{collection}/{id_}"

    def get(self, name: str) -> Snapshot | None:
        return self.read([name]).get(name)

    def read(self, names: Sequence[str]) -> Mapping[str, Snapshot]:
        """Those that there are, by name."""
        request = {"database": self.path, "documents": list(names)}
        return self._patiently(lambda: _found(self._stream("batch_get_documents", request)))

    def create(self, name: str, values: Values) -> Snapshot:
        """Raises AlreadyExists."""
        parent, collection, id_ = name.rsplit("/", 2)
        request = {"parent": parent, "collection_id": collection, "document_id": id_}
        document = {"fields": encoded(values)}
        return self._patiently(
            lambda: self._one("create_document", {**request, "document": document})
        )

    def put(self, name: str, values: Values) -> None:
        """Whatever was there before."""
        self._patiently(lambda: self._one("update_document", {"document": _document(name, values)}))

    def merge(self, name: str, values: Values, paths: Sequence[str]) -> Snapshot:
        """Set these of an existing document's fields; a path without a value is taken away.  Raises NotFound."""
        request = _masked(name, values, paths) | {"current_document": {"exists": True}}
        return self._patiently(lambda: self._one("update_document", request))

    def change(self, seen: Snapshot, values: Values, paths: Sequence[str]) -> Snapshot:
        """The same for a document that is still as it was seen; else Overtaken.

        A write whose answer is lost is sent again and then overtakes itself: look, and decide anew.
        """
        condition = {"current_document": {"update_time": seen.version}}
        request = _masked(seen.name, values, paths) | condition
        try:
            return self._patiently(lambda: self._one("update_document", request))
        except AlError as error:
            if class_of(error) not in {"FailedPrecondition", "NotFound"}:
                raise
            raise Overtaken(
                f"{seen.name} has changed meanwhile", hint="run the command again"
            ) from error

    def delete(self, name: str) -> None:
        """One that is not there is fine."""
        self._patiently(lambda: self._call("delete_document", {"name": name}))

    def delete_all(self, names: Sequence[str]) -> None:
        """Those that are there."""
        for start in range(0, len(names), MOST_WRITES):
            writes = [self.deleting(name) for name in names[start : start + MOST_WRITES]]
            request = {"database": self.path, "writes": writes}
            self._patiently(partial(self._call, "commit", request))

    def query(
        self,
        collection: str,
        order: str,
        *,
        newest_first: bool = False,
        prefix: str = "",
        below: str = "",
        limit: int | None = None,
    ) -> list[Snapshot]:
        """The documents that have the field `order`, by it and then by their ids; with a prefix, where it begins so,
        or where it is below a text."""
        direction = "DESCENDING" if newest_first else "ASCENDING"
        query: dict[str, Any] = {
            "from_": [{"collection_id": collection}],
            "order_by": [{"field": {"field_path": order}, "direction": direction}],
            "limit": limit,
        }
        query |= {"where": _begins(order, prefix)} if prefix else {}
        query |= {"where": _compared(order, "LESS_THAN", below)} if below else {}
        request = {"parent": f"{self.path}/documents", "structured_query": query}
        answers = self._patiently(lambda: self._stream("run_query", request))
        return [_snapshot(answer.document) for answer in answers if answer.document.name]

    def collections(self) -> Sequence[str]:
        """The ids of the database's collections: none when it is empty."""
        request = {"parent": f"{self.path}/documents"}
        found = self._patiently(lambda: self._call("list_collection_ids", request))
        return tuple(found)

    def transact(
        self,
        names: Sequence[str],
        decide: Callable[[Mapping[str, Snapshot], bool], Sequence[Write] | None],
    ) -> bool:
        """What `decide` makes of these documents, all of it or nothing; False when it gives None.

        `decide` must be pure: it is asked again whenever somebody else was faster.  Its second argument says that an
        earlier answer may have been done, and the answer lost.  The database's transactions take no locks, so one that
        is given up is simply forgotten.
        """
        unsure = False

        def attempt() -> bool:
            nonlocal unsure
            id_, found = self._begin(names)
            if (writes := decide(found, unsure)) is None:
                return False
            try:
                if writes:
                    self._commit(id_, writes)
            except AlError as error:
                # one that is over may be over by our own request, which arrived twice
                unsure = unsure or error.temporary or _EXPIRED in error.message
                raise
            return True

        return retrying(
            attempt, seconds=self._patience, first=0.05, retry=_again, sleep=self._sleep
        )

    @staticmethod
    def putting(name: str, values: Values) -> Write:
        return {"update": _document(name, values)}

    @staticmethod
    def deleting(name: str) -> Write:
        return {"delete": name}

    def _begin(self, names: Sequence[str]) -> tuple[bytes, Mapping[str, Snapshot]]:
        request = {
            "database": self.path,
            "documents": list(names),
            "new_transaction": {"read_write": {}},
        }
        answers = self._stream("batch_get_documents", request)
        return next(a.transaction for a in answers if a.transaction), _found(answers)

    def _commit(self, transaction: bytes, writes: Sequence[Write]) -> None:
        request = {"database": self.path, "transaction": transaction, "writes": list(writes)}
        self._call("commit", request)

    def _one(self, verb: str, request: Values) -> Snapshot:
        return _snapshot(self._call(verb, request))

    def _stream(self, verb: str, request: Values) -> list[Any]:
        with translated(self._doing, hints=HINTS):
            return list(self._bound(verb)(request=request))

    def _call(self, verb: str, request: Values) -> Any:
        with translated(self._doing, hints=HINTS):
            return self._bound(verb)(request=request)

    def _bound(self, verb: str) -> Any:
        # one policy of repeating, ours: the library's would repeat a commit whose transaction is over
        return partial(getattr(self.client, verb), retry=None, timeout=ANSWER)

    @property
    def _doing(self) -> str:
        return f"using the database {self.database}"

    def _patiently(self, call: Callable[[], T]) -> T:
        return retrying(call, seconds=self._patience, first=0.05, retry=_again, sleep=self._sleep)


def _again(error: AlError) -> bool:
    """Whether the same again can help: also after ABORTED, when others were faster, and when a transaction has expired
    (https://firebase.google.com/docs/firestore/understand-error-codes)."""
    return error.temporary or class_of(error) == "Aborted" or _EXPIRED in error.message


def _begins(field: str, prefix: str) -> Values:
    bounds = (("GREATER_THAN_OR_EQUAL", prefix), ("LESS_THAN", prefix + _LAST))
    filters = [_compared(field, op, text) for op, text in bounds]
    return {"composite_filter": {"op": "AND", "filters": filters}}


def _compared(field: str, op: str, text: str) -> Values:
    value = {"string_value": text}
    return {"field_filter": {"field": {"field_path": field}, "op": op, "value": value}}


def _document(name: str, values: Values) -> Values:
    return {"name": name, "fields": encoded(values)}


def _masked(name: str, values: Values, paths: Sequence[str]) -> dict[str, Any]:
    return {"document": _document(name, values), "update_mask": {"field_paths": list(paths)}}


def _found(answers: Sequence[Any]) -> Mapping[str, Snapshot]:
    found = [_snapshot(answer.found) for answer in answers if answer.found.name]
    return {snapshot.name: snapshot for snapshot in found}


def _snapshot(document: Any) -> Snapshot:
    fields = type(document).pb(document).fields
    return Snapshot(name=document.name, values=decoded(fields), version=document.update_time)
