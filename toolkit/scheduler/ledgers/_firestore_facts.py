"""Facts in the environment's database: a document each, `facts/<key>`."""

import json
import secrets
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from toolkit.core.errors import LimitExceeded

from . import _codec as codec
from ._firestore_documents import Documents, Snapshot, Write
from ._steps import check_step

LARGEST = 1_000_000  # bytes: a document holds 1 MiB, its name and its fields' names included
# ditto, of all values of one transaction: its request holds 10 MiB, the documents' names included
# (https://firebase.google.com/docs/firestore/quotas#writes_and_transactions)
LARGEST_STEP = 9_500_000


class Facts:
    """core.ports.Ledger's facts, and several of them in one step."""

    # documents of one transaction: it has no number, but 10 MiB
    # (https://firebase.google.com/docs/firestore/quotas#writes_and_transactions)
    most = 500

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    def fact(self, key: str) -> Any | None:
        found = self._documents.get(self._where(key))
        return _value(found) if found else None

    def facts(self, prefix: str, *, limit: int | None = None) -> Mapping[str, Any]:
        found = self._documents.query("facts", "key", prefix=prefix, limit=limit)
        return {snapshot.values["key"]: _value(snapshot) for snapshot in found}

    def read_facts(self, keys: Sequence[str]) -> Mapping[str, Any]:
        if not keys:
            return {}
        found = self._documents.read([self._where(key) for key in keys])
        return {snapshot.values["key"]: _value(snapshot) for snapshot in found.values()}

    def set_fact(
        self, key: str, value: Any, *, expected: Any = ..., given: Mapping[str, Any] | None = None
    ) -> bool:
        conditions = {**(given or {}), **({} if expected is ... else {key: expected})}
        if conditions:
            return self.set_facts({key: value}, expected=conditions)
        if (kept := _kept(key, value)) is None:
            self._documents.delete(self._where(key))
        else:
            self._documents.put(self._where(key), kept)
        return True

    def set_facts(self, values: Mapping[str, Any], *, expected: Mapping[str, Any]) -> bool:
        writer = secrets.token_hex(8)
        kept = {self._where(key): _kept(key, value, writer) for key, value in values.items()}
        wanted = {self._where(key): _canonical(value) for key, value in expected.items()}
        texts = (fields["value"] for fields in kept.values() if fields)
        check_step(texts, most=LARGEST_STEP, holds="one holds 10 MiB")

        def decide(found: Mapping[str, Snapshot], unsure: bool) -> Sequence[Write] | None:
            if unsure and _are_there(found, kept):
                return ()  # it was done, and the answer was lost
            texts = {name: snapshot.values["value"] for name, snapshot in found.items()}
            if any(texts.get(name) != text for name, text in wanted.items()):
                return None
            return [_write(name, fields) for name, fields in kept.items()]

        return self._documents.transact(sorted({*kept, *wanted}), decide)

    def _where(self, key: str) -> str:
        return self._documents.name("facts", _id(key))


def _write(name: str, fields: Mapping[str, Any] | None) -> Write:
    return Documents.putting(name, fields) if fields else Documents.deleting(name)


def _are_there(found: Mapping[str, Snapshot], kept: Mapping[str, Mapping[str, Any] | None]) -> bool:
    """Whether this very write has been made: its own mark is on each, and what it deletes is not there."""
    marks = {name: snapshot.values.get("writer", "") for name, snapshot in found.items()}
    return all(marks.get(name) == (fields and fields["writer"]) for name, fields in kept.items())


def _kept(key: str, value: Any, writer: str | None = None) -> dict[str, Any] | None:
    """A document's fields; None for what is to be deleted."""
    if value is None:
        return None
    return {"value": _text(key, value), "key": key} | ({"writer": writer} if writer else {})


def _id(key: str) -> str:
    """The key as a document's id, which has no slash, is not `.` and not `__x__`
    (https://firebase.google.com/docs/firestore/quotas#collections_documents_and_fields)."""
    first = f"%{ord(key[0]):02X}" if key[:1] in {".", "_"} else quote(key[:1], safe="")
    return first + quote(key[1:], safe="")


def _value(snapshot: Snapshot) -> Any:
    return json.loads(snapshot.values["value"])


def _canonical(value: Any) -> str | None:
    return None if value is None else codec.canonical(value)


def _text(name: str, value: Any) -> str:
    text = codec.canonical(value)
    if (size := len(text.encode())) > LARGEST:
        raise LimitExceeded(
            f"what is to be kept as {name!r} is {size:,} bytes, and a document holds 1 MiB",
            hint="make it smaller: a shorter context or answer, or fewer agents in one environment",
        )
    return text
