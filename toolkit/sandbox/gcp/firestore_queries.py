"""Firestore's queries: which documents, in which order.  Pure.

https://firebase.google.com/docs/firestore/query-data/queries.  What this cloud does not know it refuses by name.
"""

import operator
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from google.cloud.firestore_v1.types import StructuredQuery

from . import firestore_values as values
from . import firestore_writes as writes
from .refusals import Refused, invalid

NAME = ("__name__",)
_Op = StructuredQuery.FieldFilter.Operator
RANGES: Mapping[int, Callable[[Any, Any], bool]] = {
    _Op.LESS_THAN: operator.lt,
    _Op.LESS_THAN_OR_EQUAL: operator.le,
    _Op.GREATER_THAN: operator.gt,
    _Op.GREATER_THAN_OR_EQUAL: operator.ge,
}
MOST_ALTERNATIVES = 30  # of one IN
Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Condition:
    """One filter."""

    path: Path
    op: int
    value: Any

    @property
    def is_range(self) -> bool:
        return self.op in RANGES

    def holds(self, document: Any) -> bool:
        found = _value(document, self.path)
        if found is None:
            return False
        if self.is_range:
            same = values.rank(found) == values.rank(self.value)
            return same and RANGES[self.op](values.order(found), values.order(self.value))
        return any(values.order(found) == values.order(wanted) for wanted in self._wanted)

    @property
    def _wanted(self) -> Iterable[Any]:
        return self.value.array_value.values if self.op == _Op.IN else (self.value,)


@dataclass(frozen=True, slots=True)
class Order:
    path: Path
    descending: bool


@dataclass(frozen=True, slots=True)
class Query:
    """A query that is understood.  `orders` ends with the name, as every query's does."""

    collection: str
    conditions: tuple[Condition, ...]
    orders: tuple[Order, ...]
    offset: int
    limit: int | None

    def answers(self, documents: Iterable[Any]) -> list[Any]:
        found = [d for d in documents if self._holds(d)]
        for order in reversed(self.orders):
            found.sort(key=lambda d: _order(d, order.path), reverse=order.descending)
        end = None if self.limit is None else self.offset + self.limit
        return found[self.offset : end]

    def _holds(self, document: Any) -> bool:
        ordered = all(_value(document, order.path) is not None for order in self.orders)
        return ordered and all(condition.holds(document) for condition in self.conditions)


def parse(query: Any) -> Query:
    """A StructuredQuery.  Raises Refused for a malformed one, and for what this cloud does not know."""
    for part in ("select", "start_at", "end_at", "find_nearest"):
        if query.HasField(part):
            raise _unknown(part)
    froms = list(query.from_)
    if len(froms) != 1 or froms[0].all_descendants or not froms[0].collection_id:
        raise _unknown("queries of several collections")
    conditions = tuple(_conditions(query.where)) if query.HasField("where") else ()
    return Query(
        collection=froms[0].collection_id,
        conditions=conditions,
        orders=_orders(query, conditions),
        offset=query.offset,
        limit=query.limit.value if query.HasField("limit") else None,
    )


def _conditions(where: Any) -> Iterator[Condition]:
    match where.WhichOneof("filter_type"):
        case "composite_filter":
            if where.composite_filter.op != StructuredQuery.CompositeFilter.Operator.AND:
                raise _unknown("OR")
            for inner in where.composite_filter.filters:
                yield from _conditions(inner)
        case "field_filter":
            yield _condition(where.field_filter)
        case other:
            raise _unknown(str(other))


def _condition(asked: Any) -> Condition:
    if asked.op not in {*RANGES, _Op.EQUAL, _Op.IN}:
        raise _unknown(_Op(asked.op).name)
    if asked.op == _Op.IN and not 1 <= len(asked.value.array_value.values) <= MOST_ALTERNATIVES:
        raise invalid("where", f"'IN' supports up to {MOST_ALTERNATIVES} comparison values.")
    return Condition(_path(asked.field.field_path), asked.op, asked.value)


def _orders(query: Any, conditions: tuple[Condition, ...]) -> tuple[Order, ...]:
    """As asked; a range's field is an order, and the name is the last one, in the direction of the one before
    (https://firebase.google.com/docs/firestore/reference/rest/v1/StructuredQuery)."""
    down = StructuredQuery.Direction.DESCENDING
    asked = [Order(_path(o.field.field_path), o.direction == down) for o in query.order_by]
    named = {order.path for order in asked}
    ranges = {c.path: c for c in conditions if c.is_range and c.path not in named}
    direction = asked[-1].descending if asked else False
    asked += [Order(path, direction) for path in ranges]
    if all(order.path != NAME for order in asked):
        asked.append(Order(NAME, direction))
    return tuple(asked)


def _path(text: str) -> Path:
    return NAME if text == "__name__" else tuple(writes.path(text))


def _value(document: Any, path: Path) -> Any | None:
    if path != NAME:
        return writes.at(document.fields, path)
    value = document.__class__().fields["name"]
    value.reference_value = document.name
    return value


def _order(document: Any, path: Path) -> Any:
    if path == NAME:
        return values.name_order(document.name)
    return values.order(writes.at(document.fields, path))


def _unknown(what: str) -> Refused:
    return Refused("UNIMPLEMENTED", f"the embedded Firestore does not know {what}")
