"""What the embedded Firestore keeps: databases, and in each its documents, indexes and expiry.

Picklable.  Documents are replaced and never changed, so one that was given away stays what it was.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from google.cloud.firestore_admin_v1.types import Database
from google.cloud.firestore_v1.types import Document, WriteResult
from google.protobuf.timestamp_pb2 import Timestamp

from . import firestore_rules as rules
from . import firestore_values as values
from . import firestore_writes as writes_
from .firestore_transactions import Transaction
from .refusals import not_found, precondition

if TYPE_CHECKING:
    from .cloud import Google

_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
_SWEEP = timedelta(minutes=1)  # between looking for documents that have expired


@dataclass(slots=True)
class Held:
    """One database.  Names are whole, with the project's id."""

    about: Any  # google.cloud.firestore_admin_v1.Database
    documents: dict[str, Any] = field(default_factory=dict)  # google.cloud.firestore_v1.Document
    indexes: dict[str, Any] = field(default_factory=dict)  # google.cloud.firestore_admin_v1.Index
    expiry: dict[str, str] = field(default_factory=dict)  # collection group -> field
    transactions: dict[bytes, Transaction] = field(default_factory=dict)
    committed: datetime = _LONG_AGO
    swept: datetime = _LONG_AGO

    @property
    def optimistic(self) -> bool:
        return bool(self.about.concurrency_mode == Database.ConcurrencyMode.OPTIMISTIC)

    def get(self, name: str) -> Any | None:
        """The document as protobuf's message, or None."""
        found = self.documents.get(name)
        return None if found is None else Document.pb(found)

    def within(self, parent: str, collection: str) -> list[Any]:
        """The documents of a collection, by name."""
        prefix = f"{parent}/{collection}/"
        names = [n for n in self.documents if n.startswith(prefix) and "/" not in n[len(prefix) :]]
        return [Document.pb(self.documents[name]) for name in sorted(names, key=values.name_order)]

    def collections(self, parent: str) -> list[str]:
        """The ids of the collections that are right in it, those included that hold only deeper documents."""
        prefix = f"{parent}/"
        inner = (name[len(prefix) :] for name in self.documents if name.startswith(prefix))
        return sorted({path.split("/", 1)[0] for path in inner})

    def commit(self, writes: Sequence[Any], now: datetime) -> tuple[list[Any], Any]:
        """All of the writes, or Refused: their results, and the commit's time."""
        self.committed = max(now, self.committed + timedelta(microseconds=1))
        moment = Timestamp()
        moment.FromDatetime(self.committed)
        staged: dict[str, Any | None] = {}
        results = [self._stage(write, staged, moment) for write in writes]
        for name, document in staged.items():
            if document is None:
                self.documents.pop(name, None)
            else:
                self.documents[name] = Document.wrap(document)
        return results, moment

    def sweep(self, now: datetime, delay: float) -> None:
        """Takes away what expired `delay` seconds ago, as Firestore does some time within a day
        (https://firebase.google.com/docs/firestore/ttl)."""
        if now - self.swept < _SWEEP or not self.expiry:
            return
        self.swept = now
        for name in [n for n in self.documents if self._expired(n, now - timedelta(seconds=delay))]:
            del self.documents[name]

    def _stage(self, write: Any, staged: dict[str, Any | None], moment: Any) -> Any:
        name = writes_.target(write)
        rules.check_name(name)
        present = staged[name] if name in staged else self.get(name)
        writes_.check(write.current_document, present, name)
        document, given = writes_.written(write, present, moment, Document.pb()())
        result = WriteResult.pb()(update_time=moment, transform_results=given)
        if document is not None:
            rules.check_document(document)
            _stamp(document, present, moment)
            result.update_time.CopyFrom(document.update_time)
        staged[name] = document
        return result

    def _expired(self, name: str, moment: datetime) -> bool:
        group = name.split("/")[-2]
        document = self.get(name)
        value = writes_.at(document.fields, [self.expiry[group]]) if group in self.expiry else None  # type: ignore[union-attr]
        # only a time expires: a number never does
        return (
            value is not None
            and value.WhichOneof("value_type") == "timestamp_value"
            and value.timestamp_value.ToDatetime(tzinfo=UTC) <= moment
        )


@dataclass(slots=True)
class Databases:
    """Of one project, by their names."""

    by_name: dict[str, Held] = field(default_factory=dict)
    coming: set[str] = field(default_factory=set)  # that an operation is about to make
    gone: dict[str, datetime] = field(default_factory=dict)  # when their ids were given up


def held(google: "Google", name: str) -> Held:
    """The database that `name` names, or names something in.  Raises Refused."""
    database = google.by_id(rules.database_of(name))
    found = google.of(Databases).by_name.get(database)
    if found is None:
        _, project, _, id_ = database.split("/")
        raise not_found(
            database, message=f"The database {id_} does not exist for project {project}."
        )
    if found.about.type_ != Database.DatabaseType.FIRESTORE_NATIVE:
        raise precondition(
            f"The Cloud Firestore API is not available for Firestore in Datastore Mode database {database}."
        )
    found.sweep(google.now(), google.settings.expiry_delay)
    return found


def _stamp(document: Any, present: Any | None, moment: Any) -> None:
    """Its times: a write that changes nothing leaves them (WriteResult.update_time)."""
    document.create_time.CopyFrom(present.create_time if present is not None else moment)
    same = present is not None and present.fields == document.fields
    document.update_time.CopyFrom(present.update_time if same and present is not None else moment)
