"""What a write makes of a document: preconditions, masks and transforms.  Pure.

https://firebase.google.com/docs/firestore/reference/rest/v1/Write.  Messages are protobuf's own.
"""

import re
from collections.abc import Sequence
from typing import Any

from . import firestore_values as values
from .refusals import Refused, already_exists, invalid, not_found, precondition

_SEGMENT = re.compile(r"`(?:[^`\\]|\\.)+`|[A-Za-z_][A-Za-z_0-9]*")


def target(write: Any) -> str:
    """The name of the document that is written."""
    match write.WhichOneof("operation"):
        case "update":
            return str(write.update.name)
        case "delete":
            return str(write.delete)
        case "transform":
            return str(write.transform.document)
        case _:
            raise invalid("writes", "a write says neither update nor delete nor transform")


def needed(write: Any) -> tuple[str, ...]:
    """The permissions for it (https://docs.cloud.google.com/firestore/docs/security/iam)."""
    if write.WhichOneof("operation") == "delete":
        return ("datastore.entities.delete",)
    match write.current_document.WhichOneof("condition_type"):
        case None:
            return ("datastore.entities.create", "datastore.entities.update")
        case "exists" if not write.current_document.exists:
            return ("datastore.entities.create",)
        case _:
            return ("datastore.entities.update",)


def check(condition: Any, present: Any | None, name: str) -> None:
    """Raises Refused when the document is not as the precondition has it; `present` is None when there is none."""
    match condition.WhichOneof("condition_type"):
        case "exists" if condition.exists and present is None:
            raise not_found(name, message=f"No document to update: {name}")
        case "exists" if not condition.exists and present is not None:
            raise already_exists(name, message=f"Document already exists: {name}")
        case "update_time" if present is None or present.update_time != condition.update_time:
            raise precondition(
                "The stored version does not match the required base version "
                f"({condition.update_time.ToJsonString()}) of {name}"
            )


def written(
    write: Any, present: Any | None, moment: Any, empty: Any
) -> tuple[Any | None, list[Any]]:
    """The document afterwards, None when it is gone, and what its transforms gave.

    `moment` is the commit's timestamp, `empty` a new message to fill.  Raises Refused for a malformed write.
    """
    if write.WhichOneof("operation") == "delete":
        return None, []
    empty.name = target(write)
    if write.WhichOneof("operation") == "update":
        _update(empty, write, present)
    elif present is not None:
        _fill(empty, present)
    transforms = [*write.update_transforms, *write.transform.field_transforms]
    return empty, [_transformed(empty, transform, moment) for transform in transforms]


def path(text: str) -> list[str]:
    """The names in a field path, e.g. a.`b-c`.  Raises Refused for one that is malformed."""
    found = _SEGMENT.findall(text)
    if not found or ".".join(found) != text:
        raise invalid("field_path", f'Invalid property path "{text}".')
    return [_plain(part) for part in found]


def _plain(part: str) -> str:
    return re.sub(r"\\(.)", r"\1", part[1:-1]) if part.startswith("`") else part


def at(fields: Any, names: Sequence[str]) -> Any | None:
    """The value there, or None."""
    *outer, last = names
    for name in outer:
        if name not in fields or values.kind(fields[name]) != "map_value":
            return None
        fields = fields[name].map_value.fields
    return fields.get(last)


def _update(document: Any, write: Any, present: Any | None) -> None:
    if not write.HasField("update_mask"):
        _fill(document, write.update)
        return
    if present is not None:
        _fill(document, present)
    for text in write.update_mask.field_paths:
        names = path(text)
        _put(document.fields, names, at(write.update.fields, names))


def _fill(document: Any, source: Any) -> None:
    for name in source.fields:
        document.fields[name].CopyFrom(source.fields[name])


def _put(fields: Any, names: Sequence[str], value: Any | None) -> None:
    """Sets the value, or takes away what is there."""
    *outer, last = names
    for name in outer:
        if name not in fields or values.kind(fields[name]) != "map_value":
            if value is None:
                return
            fields[name].Clear()
            fields[name].map_value.SetInParent()
        fields = fields[name].map_value.fields
    if value is not None:
        fields[last].CopyFrom(value)
    elif last in fields:
        del fields[last]


def _transformed(document: Any, transform: Any, moment: Any) -> Any:
    names = path(transform.field_path)
    present = at(document.fields, names)
    made = document.__class__().fields["result"]
    match transform.WhichOneof("transform_type"):
        case "set_to_server_value":
            made.timestamp_value.CopyFrom(moment)
        case "increment":
            _add(made, present, transform.increment)
        case "maximum" | "minimum" as way:
            _further(made, present, getattr(transform, way), way)
        case other:
            raise Refused("UNIMPLEMENTED", f"the embedded Firestore does not know {other}")
    _put(document.fields, names, made)
    return made


def _add(made: Any, present: Any | None, more: Any) -> None:
    """A field that is no number counts as 0 (Write.FieldTransform.increment)."""
    if not values.is_number(more):
        raise invalid("increment", "it must be a number")
    if present is None or not values.is_number(present):
        made.CopyFrom(more)
        return
    total = _number(present) + _number(more)
    if isinstance(total, int):
        made.integer_value = max(-(2**63), min(2**63 - 1, total))
    else:
        made.double_value = total


def _further(made: Any, present: Any | None, bound: Any, way: str) -> None:
    choose = max if way == "maximum" else min
    known = [v for v in (present, bound) if v is not None and values.is_number(v)]
    made.CopyFrom(choose(known, key=_number))


def _number(value: Any) -> int | float:
    number: int | float = getattr(value, values.kind(value))
    return number
