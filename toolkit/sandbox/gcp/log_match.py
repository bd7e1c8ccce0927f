"""Whether a log entry matches a filter, by the types of its fields.

https://cloud.google.com/logging/docs/view/logging-query-language#comparisons: text is compared without regard to case, a
field that is missing from labels or payloads fails every comparison, and timestamps and severities have an order.  A filter
is made into a function once, because it is asked of every entry.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import lru_cache
from operator import eq, ge, gt, le, lt, ne
from typing import Any

from google.logging.type import log_severity_pb2

from .log_filter import All, Anywhere, Comparison, Node, Not
from .refusals import invalid

Test = Callable[[Any], bool]  # of the protobuf message of google.logging.v2.LogEntry
_ORDER: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": eq,
    "!=": ne,
    "<": lt,
    ">": gt,
    "<=": le,
    ">=": ge,
    ":": eq,  # where nothing can be part of something
}
_INSTANT = re.compile(
    r"(\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d)|(\d{4}-\d\d-\d\d)"
)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_OPTIONAL = frozenset(
    ("json_payload", "proto_payload", "http_request", "operation", "source_location", "split")
)


@lru_cache(maxsize=512)
def predicate(node: Node) -> Test:
    """The filter as a function.  Raises Refused when a value cannot be one of its field's."""
    if isinstance(node, Comparison):
        return _comparison(node)
    if isinstance(node, Anywhere):
        word = node.value.lower()
        return lambda entry: any(word in text.lower() for text in _texts(entry))
    if isinstance(node, Not):
        inner = predicate(node.inner)
        return lambda entry: not inner(entry)
    tests = tuple(predicate(part) for part in node.parts)
    if isinstance(node, All):
        return lambda entry: all(test(entry) for test in tests)
    return lambda entry: any(test(entry) for test in tests)


def earliest(node: Node) -> int:
    """The least time in nanoseconds that an entry must have to match; 0 when the filter does not say."""
    if isinstance(node, All):
        return max((earliest(part) for part in node.parts), default=0)
    if not isinstance(node, Comparison) or node.path != ("timestamp",) or node.exists:
        return 0
    return nanoseconds(node.value) if node.operator in {">", ">=", "="} else 0


def instant(entry: Any) -> int:
    """The entry's time in nanoseconds since 1970."""
    return _nanoseconds_of(entry.timestamp)


@lru_cache(maxsize=4096)
def nanoseconds(text: str) -> int:
    """RFC 3339 as nanoseconds since 1970; a date alone is its midnight in UTC.  Raises Refused."""
    match = _INSTANT.fullmatch(text)
    try:
        if match is None:
            raise ValueError(text)
        if match[4]:
            return int(datetime.fromisoformat(f"{match[4]}T00:00:00+00:00").timestamp()) * 10**9
        whole = datetime.fromisoformat(match[1].upper() + match[3].upper().replace("Z", "+00:00"))
        return int(whole.timestamp()) * 10**9 + int((match[2] or "0").ljust(9, "0"))
    except ValueError:
        raise invalid("filter", f"'{text}' is not a timestamp of RFC 3339") from None


def _comparison(node: Comparison) -> Test:
    name = _snake(node.path[0])
    if not node.exists and len(node.path) == 1 and name in {"timestamp", "receive_timestamp"}:
        order, moment = _ordering(node.operator), nanoseconds(node.value)
        return lambda entry: order(_nanoseconds_of(getattr(entry, name)), moment)
    if not node.exists and name == "severity":
        order, severity = _ordering(node.operator), _severity(node.value)
        return lambda entry: order(entry.severity, severity)
    values, holds = _reader(name, node.path[1:]), _holds(node)
    return lambda entry: any(holds(value) for value in values(entry))


def _ordering(operator: str) -> Callable[[Any, Any], bool]:
    if operator not in _ORDER:
        raise invalid("filter", f"'{operator}' compares text only")
    return _ORDER[operator]


# what is at a path


def _reader(name: str, path: tuple[str, ...]) -> Callable[[Any], Iterator[Any] | tuple[Any, ...]]:
    """What gives the values at the path: several where a list is on the way, none where it is missing."""
    if name == "labels" and path:
        return lambda entry: tuple(_inside(entry.labels, path))
    if name in _OPTIONAL:
        return lambda entry: _values(getattr(entry, name), path) if entry.HasField(name) else ()
    return lambda entry: _values(getattr(entry, name), path)


def _values(value: Any, path: tuple[str, ...]) -> Iterator[Any]:
    kind = value.DESCRIPTOR.name if hasattr(value, "DESCRIPTOR") else ""
    if kind == "Value":
        value = _plain(value)
        kind = "Struct" if hasattr(value, "fields") else ""
    if value is None:
        return
    if isinstance(value, list):
        for item in value:
            yield from _values(item, path)
    elif not path:
        yield value.fields if kind == "Struct" else value
    elif kind == "Struct":
        yield from _inside(value.fields, path)
    elif kind:
        yield from _values(getattr(value, path[0], None), path[1:])
    elif hasattr(value, "keys"):
        yield from _inside(value, path)


def _inside(value: Any, path: tuple[str, ...]) -> Iterator[Any]:
    """A map's keys may have dots: the shortest that is there counts."""
    for length in range(1, len(path) + 1):
        key = ".".join(path[:length])
        if key in value:
            yield from _values(value[key], path[length:])
            return


def _plain(value: Any) -> Any:
    kind = value.WhichOneof("kind")
    if kind == "list_value":
        return list(value.list_value.values)
    return None if kind in {None, "null_value"} else getattr(value, kind)


# comparing


def _holds(node: Comparison) -> Callable[[Any], bool]:
    """What a value of unknown type is asked."""
    if node.exists:
        return lambda value: value not in ("", None)
    of_text, of_number = _text_test(node), _number_test(node)

    def holds(value: Any) -> bool:
        if isinstance(value, str):
            return of_text(value)
        if isinstance(value, bool):
            return of_text(str(value).lower())
        if isinstance(value, int | float):
            return of_number(value)
        return node.operator == ":" and node.value in value

    return holds


def _text_test(node: Comparison) -> Callable[[str], bool]:
    wanted, lower = node.value, node.value.lower()
    if node.operator in {"=~", "!~"}:
        pattern, positive = re.compile(wanted), node.operator == "=~"
        return lambda text: (pattern.search(text) is not None) == positive
    if node.operator == ":":
        return lambda text: lower in text.lower()
    order = _ORDER[node.operator]
    if node.operator in {"=", "!="}:
        return lambda text: order(text.lower(), lower)
    return lambda text: order(text, wanted)


def _number_test(node: Comparison) -> Callable[[float], bool]:
    if node.operator not in _ORDER or not _NUMBER.fullmatch(node.value):
        return lambda _: False
    order, number = _ORDER[node.operator], float(node.value)
    return lambda value: order(float(value), number)


def _severity(text: str) -> int:
    """By name or number.  Raises Refused."""
    if text.isdigit():
        return int(text)
    try:
        return int(log_severity_pb2.LogSeverity.Value(text.upper()))
    except ValueError:
        raise invalid("filter", f"'{text}' is not a severity") from None


def _nanoseconds_of(stamp: Any) -> int:
    return int(stamp.seconds) * 10**9 + int(stamp.nanos)


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])[A-Z]", lambda match: f"_{match[0].lower()}", name)


# everywhere


def _texts(entry: Any) -> Iterator[str]:
    """Everything in an entry that a value without a field is looked for in."""
    yield from (entry.log_name, entry.text_payload, entry.insert_id, entry.resource.type)
    yield from (*entry.labels.values(), *entry.resource.labels.values())
    if entry.HasField("json_payload"):
        yield from _leaves(entry.json_payload.fields.values())


def _leaves(values: Any) -> Iterator[str]:
    for value in values:
        kind = value.WhichOneof("kind")
        if kind == "struct_value":
            yield from _leaves(value.struct_value.fields.values())
        elif kind == "list_value":
            yield from _leaves(value.list_value.values)
        elif kind == "string_value":
            yield value.string_value
