"""google.firestore.admin.v1.FirestoreAdmin of the embedded cloud: databases, composite indexes, and fields that expire.

https://firebase.google.com/docs/firestore/reference/rpc/google.firestore.admin.v1.  It makes no document.
"""

import re
import uuid
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from google.cloud.firestore_admin_v1 import types
from google.cloud.firestore_admin_v1.types import Database, Field, Index
from google.protobuf.empty_pb2 import Empty

from .firestore_databases import Databases, Held, held
from .refusals import Refused, aborted, already_exists, invalid, not_found, precondition
from .rpc import Call, Rpc, Service

_ID = re.compile(r"[a-z][a-z0-9-]{2,61}[a-z0-9]")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
MOST_DATABASES = 100  # of a project (https://firebase.google.com/docs/firestore/quotas#limits)
_FIELD = re.compile(
    r"(?P<database>projects/[^/]+/databases/[^/]+)/collectionGroups/(?P<group>[^/]+)/fields/(?P<field>.+)"
)
_GROUP = re.compile(r"projects/[^/]+/databases/[^/]+/collectionGroups/(?P<group>[^/]+)")


class FirestoreAdmin(Service):
    def rpcs(self) -> Mapping[str, Rpc]:
        looking, databases = "datastore.databases.getMetadata", "datastore.databases"
        schemas = "datastore.indexes"
        return {
            "CreateDatabase": Rpc(types.CreateDatabaseRequest, self.create, f"{databases}.create", on="parent"),
            "GetDatabase": Rpc(types.GetDatabaseRequest, self.get, looking),
            "ListDatabases": Rpc(types.ListDatabasesRequest, self.list, f"{databases}.list", on="parent"),
            "DeleteDatabase": Rpc(types.DeleteDatabaseRequest, self.delete, f"{databases}.delete"),
            "CreateIndex": Rpc(types.CreateIndexRequest, self.create_index, f"{schemas}.create", on="parent"),
            "GetIndex": Rpc(types.GetIndexRequest, self.get_index, f"{schemas}.get"),
            "ListIndexes": Rpc(types.ListIndexesRequest, self.list_indexes, f"{schemas}.list", on="parent"),
            "DeleteIndex": Rpc(types.DeleteIndexRequest, self.delete_index, f"{schemas}.delete"),
            "GetField": Rpc(types.GetFieldRequest, self.get_field, f"{schemas}.get"),
            "ListFields": Rpc(types.ListFieldsRequest, self.list_fields, f"{schemas}.list", on="parent"),
            "UpdateField": Rpc(types.UpdateFieldRequest, self.update_field, f"{schemas}.update", on="field.name"),
        }  # fmt: skip

    # databases

    def create(self, asked: Any, _: Call) -> Any:
        name = f"{self.google.by_id(asked.parent)}/databases/{asked.database_id}"
        _check(asked)
        known = self.google.of(Databases)
        if name in known.by_name or name in known.coming:
            raise already_exists(
                name, message="Database already exists. Please use another database_id"
            )
        if len(known.by_name) >= MOST_DATABASES:
            raise Refused(
                "RESOURCE_EXHAUSTED",
                f"The project has {MOST_DATABASES} databases, the most of one.",
            )
        self._refuse_a_fresh_id(name)
        known.coming.add(name)
        metadata = types.CreateDatabaseMetadata()
        return self.google.operations.soon(name, metadata, lambda: self._made(name, asked.database))

    def get(self, asked: Any, _: Call) -> Any:
        return self._held(asked.name).about

    def list(self, asked: Any, _: Call) -> Any:
        self.google.by_id(asked.parent)
        found = self.google.of(Databases).by_name
        return types.ListDatabasesResponse(databases=[found[name].about for name in sorted(found)])

    def delete(self, asked: Any, _: Call) -> Any:
        about = self._held(asked.name).about
        if asked.etag and asked.etag != about.etag:
            raise precondition("The etag does not match that of the database.")
        if (
            about.delete_protection_state
            == Database.DeleteProtectionState.DELETE_PROTECTION_ENABLED
        ):
            raise precondition(
                "Delete protection is enabled for this database. Disable it and try again."
            )
        known = self.google.of(Databases)
        del known.by_name[about.name]
        known.gone[about.name] = self.google.now()
        return self.google.operations.soon(
            about.name, types.DeleteDatabaseMetadata(), lambda: about
        )

    def _made(self, name: str, wanted: Any) -> Any:
        now, modes = self.google.now(), Database.ConcurrencyMode
        about: Any = Database(wanted)
        about.name, about.uid, about.etag = name, str(uuid.uuid4()), uuid.uuid4().hex
        about.create_time = about.update_time = now
        about.concurrency_mode = wanted.concurrency_mode or modes.PESSIMISTIC
        about.database_edition = wanted.database_edition or Database.DatabaseEdition.STANDARD
        about.version_retention_period = timedelta(hours=1)
        known = self.google.of(Databases)
        known.coming.discard(name)
        known.by_name[name] = Held(about=about)
        return about

    def _refuse_a_fresh_id(self, name: str) -> None:
        """The id of a deleted database cannot be had again at once."""
        gone = self.google.of(Databases).gone.get(name)
        since = (self.google.now() - gone).total_seconds() if gone else float("inf")
        left = self.google.settings.database_id_seconds - since
        if left > 0:
            raise aborted(
                f"Database ID '{name.rpartition('/')[2]}' is not available in project "
                f"'{self.google.project}'. Please retry in {left:.0f} seconds."
            )

    def _held(self, name: str) -> Held:
        found = self.google.of(Databases).by_name.get(self.google.by_id(name))
        if found is None:
            raise not_found(name, message=f"Project or database '{name}' does not exist.")
        return found

    # composite indexes

    def create_index(self, asked: Any, _: Call) -> Any:
        database = held(self.google, asked.parent)
        index: Any = Index(asked.index)
        fields = [(f.field_path, f.order) for f in index.fields]
        if len([path for path, _ in fields if path != "__name__"]) < 2:
            raise invalid(
                "index.fields",
                "this index is not necessary, configure using single field index controls",
            )
        for other in database.indexes.values():
            same = other.name.startswith(f"{self.google.by_id(asked.parent)}/indexes/")
            if same and [(f.field_path, f.order) for f in other.fields] == fields:
                raise already_exists(other.name, message="index already exists")
        index.name = f"{self.google.by_id(asked.parent)}/indexes/{uuid.uuid4().hex[:12]}"
        index.state = Index.State.CREATING
        database.indexes[index.name] = index
        metadata = types.IndexOperationMetadata(index=index.name)
        return self.google.operations.soon(
            database.about.name, metadata, lambda: _ready(database, index.name)
        )

    def get_index(self, asked: Any, _: Call) -> Any:
        return _index(held(self.google, asked.name), self.google.by_id(asked.name))

    def list_indexes(self, asked: Any, _: Call) -> Any:
        group = _group(asked.parent)
        found = held(self.google, asked.parent).indexes
        wanted = [i for n, i in sorted(found.items()) if group in ("-", n.split("/")[5])]
        return types.ListIndexesResponse(indexes=wanted)

    def delete_index(self, asked: Any, _: Call) -> Any:
        database, name = held(self.google, asked.name), self.google.by_id(asked.name)
        _index(database, name)
        del database.indexes[name]
        return Empty()

    # fields

    def get_field(self, asked: Any, _: Call) -> Any:
        group, field = self._place(asked.name)
        return self._field(held(self.google, asked.name), group, field)

    def list_fields(self, asked: Any, _: Call) -> Any:
        """Those that expire; the filter is taken for `ttlConfig:*`."""
        database, group = held(self.google, asked.parent), _group(asked.parent)
        if "ttlConfig:*" not in asked.filter:
            raise Refused("UNIMPLEMENTED", "the embedded Firestore lists fields that expire only")
        found = [(g, f) for g, f in sorted(database.expiry.items()) if group in ("-", g)]
        return types.ListFieldsResponse(fields=[self._field(database, g, f) for g, f in found])

    def update_field(self, asked: Any, _: Call) -> Any:
        """Expiry: one field in each collection group (https://firebase.google.com/docs/firestore/ttl)."""
        group, field = self._place(asked.field.name)
        database = held(self.google, asked.field.name)
        if list(asked.update_mask.paths) != ["ttl_config"]:
            raise Refused("UNIMPLEMENTED", "the embedded Firestore changes the ttl_config only")
        other = database.expiry.get(group, field)
        if "ttl_config" in asked.field and other != field:
            raise precondition(f"The collection group '{group}' has a TTL policy on '{other}'.")
        metadata = types.FieldOperationMetadata(field=asked.field.name)
        return self.google.operations.soon(
            database.about.name, metadata, lambda: self._expire(database, asked)
        )

    def _expire(self, database: Held, asked: Any) -> Any:
        group, field = self._place(asked.field.name)
        if "ttl_config" in asked.field:
            database.expiry[group] = field
        else:
            database.expiry.pop(group, None)
        return self._field(database, group, field)

    def _place(self, name: str) -> tuple[str, str]:
        found = _FIELD.fullmatch(self.google.by_id(name))
        if found is None:
            raise invalid("name", f"'{name}' is not a field of a collection group")
        return found["group"], found["field"]

    def _field(self, database: Held, group: str, field: str) -> Any:
        name = f"{database.about.name}/collectionGroups/{group}/fields/{field}"
        if database.expiry.get(group) != field:
            return Field(name=name)
        return Field(name=name, ttl_config=Field.TtlConfig(state=Field.TtlConfig.State.ACTIVE))


def _check(asked: Any) -> None:
    """Raises Refused for a database that Firestore would not make
    (https://firebase.google.com/docs/firestore/reference/rest/v1/projects.databases/create)."""
    id_ = asked.database_id
    if id_ != "(default)" and (not _ID.fullmatch(id_) or _UUID.fullmatch(id_)):
        raise invalid(
            "database_id",
            "it should be 4-63 characters of /[a-z][0-9]-/, the first a letter and the last a letter or a number, "
            "and not like a UUID",
        )
    if not asked.database.location_id:
        raise invalid("database.location_id", "it is required")
    if asked.database.type_ not in (1, 2):
        raise invalid("database.type", "it is required")


def _ready(database: Held, name: str) -> Any:
    index: Any = _index(database, name)
    index.state = Index.State.READY
    return index


def _index(database: Held, name: str) -> Any:
    if name not in database.indexes:
        raise not_found(name)
    return database.indexes[name]


def _group(parent: str) -> str:
    found = _GROUP.fullmatch(parent)
    if found is None:
        raise invalid("parent", f"'{parent}' is not a collection group")
    return found["group"]
