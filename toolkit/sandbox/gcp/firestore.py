"""google.firestore.v1.Firestore of the embedded cloud: documents, conditional writes, transactions and queries.

https://firebase.google.com/docs/firestore/reference/rpc/google.firestore.v1.  Reads are strongly consistent, as the
service's are.  It must not know what the documents mean.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from google.cloud.firestore_v1 import types
from google.protobuf.empty_pb2 import Empty
from google.protobuf.timestamp_pb2 import Timestamp

from . import firestore_indexes as indexes
from . import firestore_queries as queries
from . import firestore_rules as rules
from . import firestore_transactions as transactions
from . import firestore_writes as writes
from .firestore_databases import Held, held
from .refusals import Refused, aborted, invalid, not_found
from .rpc import Call, Kind, Rpc, Service

_GET, _LIST = "datastore.entities.get", "datastore.entities.list"
_BEGIN = (
    "datastore.databases.get"  # sic (https://docs.cloud.google.com/firestore/docs/security/iam)
)
_PAGE = 300  # documents of a page, unless asked otherwise


@dataclass(slots=True)
class Aborts:
    """How many transactions were made to fail, of those that the setting asks for."""

    done: int = 0


class Firestore(Service):
    def rpcs(self) -> Mapping[str, Rpc]:
        return {
            "GetDocument": Rpc(types.GetDocumentRequest.pb(), self.get),
            "ListDocuments": Rpc(types.ListDocumentsRequest.pb(), self.list),
            "ListCollectionIds": Rpc(types.ListCollectionIdsRequest.pb(), self.collections),
            "CreateDocument": Rpc(types.CreateDocumentRequest.pb(), self.create),
            "UpdateDocument": Rpc(types.UpdateDocumentRequest.pb(), self.update),
            "DeleteDocument": Rpc(types.DeleteDocumentRequest.pb(), self.delete),
            "BatchGetDocuments": Rpc(
                types.BatchGetDocumentsRequest.pb(), self.batch_get, kind=Kind.ANSWERS
            ),
            "BeginTransaction": Rpc(types.BeginTransactionRequest.pb(), self.begin),
            "Commit": Rpc(types.CommitRequest.pb(), self.commit),
            "Rollback": Rpc(types.RollbackRequest.pb(), self.rollback),
            "BatchWrite": Rpc(types.BatchWriteRequest.pb(), self.batch_write),
            "RunQuery": Rpc(types.RunQueryRequest.pb(), self.run_query, kind=Kind.ANSWERS),
        }

    # reading

    def get(self, asked: Any, call: Call) -> Any:
        database = self._database(call, asked.name, _GET)
        _refuse_the_past(asked)
        name = self._name(asked.name)
        found = database.get(name)
        if asked.transaction:
            self._using(database, asked.transaction).saw(name, found)
        if found is None:
            raise not_found(name, message=f'Document "{name}" not found.')
        return _masked(found, asked)

    def batch_get(self, asked: Any, call: Call) -> Iterator[Any]:
        answer = types.BatchGetDocumentsResponse.pb()
        with self.google.lock:
            database = self._database(call, asked.database, _GET)
            _refuse_the_past(asked)
            begun = self._begun(database, asked, call)
            using = asked.transaction or begun
            reading = self._using(database, using) if using else None
            answers = [answer(transaction=begun)] if begun else []
            for name in map(self._name, dict.fromkeys(asked.documents)):
                found = database.get(name)
                if reading:
                    reading.saw(name, found)
                one = answer(missing=name) if found is None else answer(found=_masked(found, asked))
                one.read_time.CopyFrom(self._now())
                answers.append(one)
        yield from answers

    def list(self, asked: Any, call: Call) -> Any:
        database = self._database(call, asked.parent, _GET, _LIST)
        _refuse_the_past(asked)
        if asked.show_missing or asked.order_by or asked.transaction:
            raise Refused("UNIMPLEMENTED", "the embedded Firestore lists by name only")
        documents = database.within(self._parent(asked.parent), asked.collection_id)
        later = [d for d in documents if d.name > asked.page_token]
        page = later[: self._page(asked.page_size)]
        token = page[-1].name if len(page) < len(later) else ""
        found = [_masked(document, asked) for document in page]
        return types.ListDocumentsResponse.pb()(documents=found, next_page_token=token)

    def collections(self, asked: Any, call: Call) -> Any:
        database = self._database(call, asked.parent, _LIST)
        found = database.collections(self._parent(asked.parent))
        return types.ListCollectionIdsResponse.pb()(collection_ids=found)

    def run_query(self, asked: Any, call: Call) -> Iterator[Any]:
        answer = types.RunQueryResponse.pb()
        with self.google.lock:
            database = self._database(call, asked.parent, _GET, _LIST)
            _refuse_the_past(asked)
            found = self._answers(database, asked)
            begun = self._begun(database, asked, call)
            if using := asked.transaction or begun:
                self._remember(database, using, asked, found)
            answers = [answer(transaction=begun)] if begun else []
            answers += [answer(document=document, read_time=self._now()) for document in found]
        yield from answers or [answer(read_time=self._now())]

    # writing

    def create(self, asked: Any, call: Call) -> Any:
        id_ = asked.document_id or f"{self._now().seconds:x}{self._now().nanos:x}"
        name = f"{asked.parent}/{asked.collection_id}/{id_}"
        write = types.Write.pb()(update=asked.document)
        write.update.name, write.current_document.exists = name, False
        return self._written(call, name, write, asked)

    def update(self, asked: Any, call: Call) -> Any:
        write = types.Write.pb()(update=asked.document, current_document=asked.current_document)
        if asked.HasField("update_mask"):
            write.update_mask.CopyFrom(asked.update_mask)
        return self._written(call, asked.document.name, write, asked)

    def delete(self, asked: Any, call: Call) -> Any:
        write = types.Write.pb()(delete=asked.name, current_document=asked.current_document)
        self._commit(self._database(call, asked.name, *writes.needed(write)), [write])
        return Empty()

    def commit(self, asked: Any, call: Call) -> Any:
        rules.check_size(asked)
        permissions = {name for write in asked.writes for name in writes.needed(write)} or {_BEGIN}
        database = self._database(call, asked.database, *sorted(permissions))
        results, moment = self._commit(database, asked.writes, asked.transaction)
        return types.CommitResponse.pb()(write_results=results, commit_time=moment)

    def batch_write(self, asked: Any, call: Call) -> Any:
        """Each for itself (https://firebase.google.com/docs/firestore/reference/rest/v1/projects.databases.documents/batchWrite)."""
        rules.check_size(asked)
        if len({writes.target(write) for write in asked.writes}) < len(asked.writes):
            raise invalid("writes", "a document may be written once only in a batch")
        answer = types.BatchWriteResponse.pb()()
        for write in asked.writes:
            result, status = answer.write_results.add(), answer.status.add()
            try:
                database = self._database(call, asked.database, *writes.needed(write))
                result.CopyFrom(self._commit(database, [write])[0][0])
            except Refused as refusal:
                status.CopyFrom(refusal.status())
        return answer

    # transactions

    def begin(self, asked: Any, call: Call) -> Any:
        database = self._database(call, asked.database, _BEGIN)
        id_ = transactions.begin(database, asked.options, self.google.now())
        return types.BeginTransactionResponse.pb()(transaction=id_)

    def rollback(self, asked: Any, call: Call) -> Any:
        self._database(call, asked.database, _BEGIN).transactions.pop(asked.transaction, None)
        return Empty()

    def _begun(self, database: Held, asked: Any, call: Call) -> bytes:
        """The transaction that a read begins, if it does."""
        if not asked.HasField("new_transaction"):
            return b""
        call.require(_BEGIN, database.about.name)
        return transactions.begin(database, asked.new_transaction, self.google.now())

    def _using(self, database: Held, id_: bytes) -> transactions.Transaction:
        return transactions.using(database, id_, self.google.now())

    def _remember(self, database: Held, id_: bytes, asked: Any, found: Sequence[Any]) -> None:
        reading = self._using(database, id_)
        for document in found:
            reading.saw(document.name, document)
        names = tuple(document.name for document in found)
        reading.queries.append((asked.SerializeToString(), names))

    def _finds_others(self, database: Held, id_: bytes) -> bool:
        """Whether one of the transaction's queries would now find other documents."""
        request = types.RunQueryRequest.pb()
        return any(
            tuple(d.name for d in self._answers(database, request.FromString(query))) != names
            for query, names in self._using(database, id_).queries
        )

    # what they share

    def _answers(self, database: Held, asked: Any) -> Sequence[Any]:
        query = queries.parse(asked.structured_query)
        indexes.require(query, database.indexes.values(), database.about.name)
        return query.answers(database.within(self._parent(asked.parent), query.collection))

    def _written(self, call: Call, name: str, write: Any, asked: Any) -> Any:
        rules.check_size(asked)
        database = self._database(call, name, *writes.needed(write))
        self._commit(database, [write])
        return _masked(database.get(self._name(name)), asked)

    def _commit(self, database: Held, wanted: Sequence[Any], transaction: bytes = b"") -> Any:
        """The writes, with their names by the project's id.  Raises Refused, and then none is done."""
        now, known = self.google.now(), [self._by_id(write) for write in wanted]
        names = {writes.target(write) for write in known}
        if strangers := [n for n in names if not n.startswith(f"{database.about.name}/")]:
            raise invalid("writes", f"{strangers[0]} is not in the database of the request")
        if transaction:
            self._abort_some(database, transaction)
            changed = self._finds_others(database, transaction)
            transactions.judge(database, transaction, names, now, changed=changed)
        else:
            transactions.check_locks(database, names, now)
        return database.commit(known, now)

    def _abort_some(self, database: Held, transaction: bytes) -> None:
        aborts = self.google.of(Aborts)
        if aborts.done < self.google.settings.contended_commits:
            aborts.done += 1
            database.transactions.pop(transaction, None)
            raise aborted(transactions.CONTENTION)

    def _by_id(self, write: Any) -> Any:
        known = types.Write.pb()()
        known.CopyFrom(write)
        match write.WhichOneof("operation"):
            case "update":
                known.update.name = self._name(write.update.name)
            case "delete":
                known.delete = self._name(write.delete)
            case "transform":
                known.transform.document = self._name(write.transform.document)
        return known

    def _database(self, call: Call, name: str, *permissions: str) -> Held:
        place = rules.database_of(name)
        for permission in permissions:
            call.require(permission, place)
        return held(self.google, place)

    def _name(self, name: str) -> str:
        rules.check_name(name)
        return self.google.by_id(name)

    def _parent(self, name: str) -> str:
        rules.check_parent(name)
        return self.google.by_id(name)

    def _page(self, asked: int) -> int:
        sizes = (asked or _PAGE, _PAGE, self.google.settings.page_items or _PAGE)
        return min(sizes)

    def _now(self) -> Any:
        moment = Timestamp()
        moment.FromDatetime(self.google.now())
        return moment


def _refuse_the_past(asked: Any) -> None:
    if asked.HasField("read_time"):
        raise Refused("UNIMPLEMENTED", "the embedded Firestore knows the present only")


def _masked(document: Any, asked: Any) -> Any:
    """The document with the fields that `asked.mask` names only, if it does."""
    if not asked.HasField("mask"):
        return document
    made = document.__class__(
        name=document.name, create_time=document.create_time, update_time=document.update_time
    )
    write = types.Write.pb()(update=document, update_mask=asked.mask)
    writes.written(write, None, None, made)
    return made
