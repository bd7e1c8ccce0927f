"""Firestore's values: how large they are, how deep, and which comes first.

https://firebase.google.com/docs/firestore/storage-size and
https://firebase.google.com/docs/firestore/manage-data/data-types.  Messages are protobuf's own, not proto-plus's.
"""

from typing import Any

_NUMBERS = {"integer_value", "double_value"}
_RANKS = {
    "null_value": 0,
    "boolean_value": 1,
    "integer_value": 2,
    "double_value": 2,
    "timestamp_value": 3,
    "string_value": 4,
    "bytes_value": 5,
    "reference_value": 6,
    "geo_point_value": 7,
    "array_value": 8,
    "map_value": 9,
}
_FIXED_SIZES = {
    "null_value": 1,
    "boolean_value": 1,
    "integer_value": 8,
    "double_value": 8,
    "timestamp_value": 8,
    "geo_point_value": 16,
}


def kind(value: Any) -> str:
    """`string_value`, `map_value`, ...; "" for a value that says nothing."""
    return value.WhichOneof("value_type") or ""


def size(value: Any) -> int:
    """Bytes."""
    match kind(value):
        case "string_value":
            return text_size(value.string_value)
        case "bytes_value":
            return len(value.bytes_value)
        case "reference_value":
            return name_size(value.reference_value)
        case "array_value":
            return sum(map(size, value.array_value.values))
        case "map_value":
            return fields_size(value.map_value.fields)
        case fixed:
            return _FIXED_SIZES[fixed]


def fields_size(fields: Any) -> int:
    return sum(text_size(name) + size(fields[name]) for name in fields)


def text_size(text: str) -> int:
    return len(text.encode()) + 1


def name_size(name: str) -> int:
    """Of a document's name: the ids in its path, and 16 more."""
    path = name.partition("/documents/")[2]
    return sum(map(text_size, path.split("/"))) + 16


def depth(value: Any) -> int:
    """How many maps and arrays are in each other."""
    match kind(value):
        case "map_value":
            inner = [value.map_value.fields[name] for name in value.map_value.fields]
        case "array_value":
            inner = list(value.array_value.values)
        case _:
            return 0
    return 1 + max(map(depth, inner), default=0)


def order(value: Any) -> tuple[Any, ...]:
    """What values are sorted by: null, booleans, numbers, times, texts by their bytes, ... and maps last."""
    found = kind(value)
    return (_RANKS[found], _within(found, value))


def rank(value: Any) -> int:
    """Values of different ranks are never equal, and no range has both."""
    return _RANKS[kind(value)]


def name_order(name: str) -> tuple[bytes, ...]:
    """What names are sorted by: id by id."""
    return tuple(part.encode() for part in name.split("/"))


def _within(found: str, value: Any) -> Any:
    plain = getattr(value, found)
    match found:
        case "null_value":
            return 0
        case "timestamp_value":
            return (plain.seconds, plain.nanos)
        case "string_value":
            return plain.encode()
        case "reference_value":
            return name_order(plain)
        case "geo_point_value":
            return (plain.latitude, plain.longitude)
        case "array_value":
            return tuple(map(order, plain.values))
        case "map_value":
            return tuple(
                (name.encode(), order(plain.fields[name])) for name in sorted(plain.fields)
            )
        case _:
            return plain


def is_number(value: Any) -> bool:
    return kind(value) in _NUMBERS
