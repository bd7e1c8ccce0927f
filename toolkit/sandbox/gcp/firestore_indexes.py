"""Which queries Firestore's own single-field indexes can answer, and which need one that somebody declared.

https://firebase.google.com/docs/firestore/query-data/index-overview.  Emulators need none, and hide the mistake.
"""

from collections.abc import Iterable
from typing import Any

from google.cloud.firestore_admin_v1.types import Index

from .firestore_queries import NAME, Order, Path, Query
from .refusals import precondition


def require(query: Query, indexes: Iterable[Any], database: str) -> None:
    """Raises Refused when the query needs an index that is not there, or not ready."""
    equal, orders = _needed(query)
    if not _is_composite(equal, orders):
        return
    fitting = [i for i in indexes if _group(i) == query.collection and _fits(i, equal, orders)]
    if any(index.state == Index.State.READY for index in fitting):
        return
    _, project, _, id_ = database.split("/")
    place = f"https://console.firebase.google.com/v1/r/project/{project}/firestore/databases/{id_}/indexes"
    if fitting:
        raise precondition(
            "The query requires an index. That index is currently building and cannot be used yet. "
            f"See its status here: {place}"
        )
    raise precondition(f"The query requires an index. You can create it here: {place}")


def _needed(query: Query) -> tuple[set[Path], tuple[Order, ...]]:
    """The fields that are compared for equality, and the orders after them."""
    equal = {c.path for c in query.conditions if not c.is_range and c.path != NAME}
    orders = tuple(order for order in query.orders if order.path not in equal)
    *rest, last = orders
    direction = rest[-1].descending if rest else last.descending
    # the name in the direction of the field before it is part of every index
    implied = last.path == NAME and last.descending == direction and (rest or not last.descending)
    return equal, tuple(rest) if implied else orders


def _is_composite(equal: set[Path], orders: tuple[Order, ...]) -> bool:
    """Fields that are only compared for equality are found by merging their own indexes; names are indexed upwards."""
    return len(orders) > 1 or bool(equal and orders) or orders == (Order(NAME, descending=True),)


def _fits(index: Any, equal: set[Path], orders: tuple[Order, ...]) -> bool:
    fields = [Order(tuple(f.field_path.split(".")), f.order == 2) for f in index.fields]
    if fields and fields[-1].path == NAME and (not orders or orders[-1].path != NAME):
        fields.pop()
    head, tail = fields[: len(equal)], tuple(fields[len(equal) :])
    turned = tuple(Order(order.path, not order.descending) for order in tail)
    return {field.path for field in head} == equal and orders in (tail, turned)


def _group(index: Any) -> str:
    """The collection group of projects/P/databases/D/collectionGroups/G/indexes/I."""
    return str(index.name.split("/")[5])
