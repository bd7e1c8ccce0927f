"""What Firestore takes as a document and as a name, and what it answers to anything else.

https://firebase.google.com/docs/firestore/quotas#limits
"""

import re
from typing import Any

from . import firestore_values as values
from .refusals import Refused, invalid

LARGEST_DOCUMENT = 1_048_576  # bytes
LARGEST_FIELD = 1_048_487  # ditto, of one value
LARGEST_REQUEST = 10 * 1024 * 1024  # ditto
LARGEST_NAME = 6 * 1024  # ditto, of a document's whole name
LARGEST_ID = 1_500  # ditto, of one id in it, and of a field's name
DEEPEST = 20  # maps and arrays in each other
DEEPEST_COLLECTION = 100
_DOCUMENT_OVERHEAD = 32
_RESERVED = re.compile(r"__.*__", re.DOTALL)
_DATABASE = re.compile(r"projects/[^/]+/databases/[^/]+")


def database_of(name: str) -> str:
    """The database that a document, a collection's parent or a database itself is named in.  Raises Refused."""
    found = _DATABASE.match(name)
    if found is None:
        raise invalid("name", f"'{name}' is not in a database")
    return found[0]


def check_name(name: str) -> None:
    """Raises Refused when no document can be called so."""
    path = _path(name)
    if len(path) % 2 or not path:
        raise _bad_name(name, "it does not name a document")
    if len(path) // 2 > DEEPEST_COLLECTION:
        raise _bad_name(name, f"it is in more than {DEEPEST_COLLECTION} collections")
    if len(name.encode()) > LARGEST_NAME:
        raise _bad_name(name, f"it is longer than {LARGEST_NAME} bytes")
    for part in path:
        _check_id(name, part)


def check_parent(name: str) -> None:
    """Raises Refused when no collection can be in it: it is neither a document nor the database's documents."""
    path = _path(name)
    if len(path) % 2:
        raise _bad_name(name, "it names a collection, not a document")
    for part in path:
        _check_id(name, part)


def check_document(document: Any) -> None:
    """Raises Refused when it is too large, too deep, or has a field that may not be called so."""
    for name in document.fields:
        _check_field(name, document.fields[name])
    size = (
        values.name_size(document.name) + values.fields_size(document.fields) + _DOCUMENT_OVERHEAD
    )
    if size > LARGEST_DOCUMENT:
        message = (
            f'Document "{document.name}" cannot be written because its size ({size:,} bytes) exceeds the maximum '
            f"allowed size of {LARGEST_DOCUMENT:,} bytes."
        )
        raise Refused("INVALID_ARGUMENT", message)


def check_size(request: Any) -> None:
    """Raises Refused when the request is larger than any may be."""
    if request.ByteSize() > LARGEST_REQUEST:
        raise Refused(
            "INVALID_ARGUMENT",
            f"Request payload size exceeds the limit: {LARGEST_REQUEST} bytes.",
        )


def _check_field(name: str, value: Any) -> None:
    if not name or len(name.encode()) > LARGEST_ID or _RESERVED.fullmatch(name):
        raise invalid("fields", f"a field cannot be called '{name[:80]}'")
    if not values.kind(value):
        raise invalid(f"fields.{name}", "it has no value")
    if (size := values.size(value)) > LARGEST_FIELD:
        message = f'The value of property "{name}" is longer than {LARGEST_FIELD} bytes.'
        raise Refused("INVALID_ARGUMENT", f"{message} It has {size}.")
    if values.depth(value) > DEEPEST:
        raise Refused(
            "INVALID_ARGUMENT", f'Property "{name}" contains more than {DEEPEST} nested entities.'
        )


def _check_id(name: str, part: str) -> None:
    if not part:
        raise _bad_name(name, "an id in it is empty")
    if part in {".", ".."}:
        raise _bad_name(name, f'the resource id "{part}" is invalid')
    if _RESERVED.fullmatch(part):
        raise _bad_name(name, f'the resource id "{part}" is invalid because it is reserved')
    if len(part.encode()) > LARGEST_ID:
        raise _bad_name(name, f"an id in it is longer than {LARGEST_ID} bytes")


def _path(name: str) -> list[str]:
    rest = name[len(database_of(name)) :]
    if rest == "/documents":
        return []
    if not rest.startswith("/documents/"):
        raise _bad_name(name, 'it lacks "/documents"')
    return rest.removeprefix("/documents/").split("/")


def _bad_name(name: str, why: str) -> Refused:
    return invalid("name", why, message=f'Document name "{name[:200]}" is invalid: {why}.')
