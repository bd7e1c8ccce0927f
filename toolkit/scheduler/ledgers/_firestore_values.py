"""Firestore's values, as far as the ledger needs them: JSON scalars, times, and maps of them.

https://firebase.google.com/docs/firestore/manage-data/data-types
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any


def encode(value: Any) -> dict[str, Any]:
    """`value` as the client takes it."""
    match value:
        case None:
            return {"null_value": 0}
        case bool():
            return {"boolean_value": value}
        case int():
            return {"integer_value": value}
        case float():
            return {"double_value": value}
        case str():
            return {"string_value": value}
        case datetime():
            return {"timestamp_value": value}
        case Mapping():
            return {"map_value": {"fields": encoded(value)}}
        case _:
            raise TypeError(f"the ledger keeps no {type(value).__name__}")


def encoded(values: Mapping[str, Any]) -> dict[str, Any]:
    """A document's fields."""
    return {name: encode(value) for name, value in values.items()}


def decoded(fields: Any) -> dict[str, Any]:
    """The values again; `fields` is protobuf's own map."""
    return {name: _decode(fields[name]) for name in fields}


def _decode(value: Any) -> Any:
    match value.WhichOneof("value_type"):
        case "null_value":
            return None
        case "timestamp_value":
            return value.timestamp_value.ToDatetime(tzinfo=UTC)
        case "map_value":
            return decoded(value.map_value.fields)
        case kind:
            return getattr(value, kind)
