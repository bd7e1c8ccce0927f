"""Facts in the environment's table: an item each, in the partition `fact`.

The books' facts (`_on_facts/keys.py`) have partitions of their own, `fact/<room>`, so that no push pays for reading them;
those that are never listed have one each, so that they share no partition's throughput
(https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html).
"""

import json
import secrets
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

from toolkit.core.errors import AlError, LimitExceeded

from . import _codec as codec
from ._on_facts import keys as books
from ._steps import check_step
from ._table import Item, Request, Table, condition_failed, key

LARGEST = 380_000  # bytes: an item holds 400 KB, its attributes' names included
# bytes of all values of one transaction: its items hold 4 MB, those that it only looks at included
# (https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html)
LARGEST_STEP = 3_800_000
ABSENT = {"ConditionExpression": "attribute_not_exists(pk)"}


class Facts:
    """core.ports.Ledger's facts, and several of them in one step."""

    # actions of one transaction
    # (https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html)
    most = 100

    def __init__(self, table: Table) -> None:
        self._table = table

    def fact(self, name: str) -> Any | None:
        item = self._table.get(_where(name))
        return _value(item) if item else None

    def facts(self, prefix: str, *, limit: int | None = None) -> Mapping[str, Any]:
        items = self._table.query(_partition(prefix), prefix=prefix, page=min(limit or 0, 1000))
        return {item["sk"]["S"]: _value(item) for item in islice(items, limit)}

    def read_facts(self, names: Sequence[str]) -> Mapping[str, Any]:
        if len(names) == 1:
            found = self.fact(names[0])
            return {} if found is None else {names[0]: found}
        items = self._table.read_many([_where(name) for name in dict.fromkeys(names)])
        return {item["sk"]["S"]: _value(item) for item in items}

    def set_fact(
        self, name: str, value: Any, *, expected: Any = ..., given: Mapping[str, Any] | None = None
    ) -> bool:
        conditions = {**(given or {}), **({} if expected is ... else {name: expected})}
        return self.set_facts({name: value}, expected=conditions)

    def set_facts(self, values: Mapping[str, Any], *, expected: Mapping[str, Any]) -> bool:
        if values and len(values.keys() | expected.keys()) == 1:
            ((name, value),) = values.items()
            return self._set(name, value, _if_it_is(expected.get(name, ...)))
        writes = [_write(n, v, _if_it_is(expected.get(n, ...))) for n, v in values.items()]
        checks = [
            {"ConditionCheck": {"Key": _where(name), **_if_it_is(value)}}
            for name, value in expected.items()
            if name not in values
        ]
        actions = [*writes, *checks]
        check_step(map(_compared_or_kept, actions), most=LARGEST_STEP, holds="one holds 4 MB")
        try:
            self._table.transact(actions)
        except AlError as error:
            if not condition_failed(error):
                raise
            return False
        return True

    def _set(self, name: str, value: Any, condition: Request) -> bool:
        writer = {"S": secrets.token_hex(8)}
        try:
            if value is None:
                self._table.delete(_where(name), condition)
            else:
                self._table.put({**_item(name, value), "writer": writer}, condition)
        except AlError as error:
            if not condition_failed(error):
                raise
            # a write whose answer was lost is sent again, and then meets itself
            return (self._table.get(_where(name)) or {}).get("writer") == writer
        return True


def _where(name: str) -> Request:
    room = name.partition("/")[0]
    return key(f"fact/{name}" if room in books.SINGLE else _partition(name), name)


def _partition(prefix: str) -> str:
    """Of what begins so."""
    room, slash, _ = prefix.partition("/")
    return f"fact/{room}" if slash and room in books.LISTED else "fact"


def _write(name: str, value: Any, condition: Request) -> Request:
    if value is None:
        return {"Delete": {"Key": _where(name), **condition}}
    return {"Put": {"Item": _item(name, value), **condition}}


def _compared_or_kept(action: Request) -> str:
    """The text of its item: the new one, or for a mere look the one that is expected."""
    match action:
        case {"Put": {"Item": {"value": {"S": str(text)}}}}:
            return text
        case {"ConditionCheck": {"ExpressionAttributeValues": {":expected": {"S": str(text)}}}}:
            return text
    return ""


def _item(name: str, value: Any) -> Request:
    return {**_where(name), "value": {"S": _text(name, value)}}


def _value(item: Item) -> Any:
    return json.loads(item["value"]["S"])


def _text(name: str, value: Any) -> str:
    text = codec.canonical(value)
    if (size := len(text.encode())) > LARGEST:
        raise LimitExceeded(
            f"what is to be kept as {name!r} is {size:,} bytes, and an item holds 400 KB",
            hint="make it smaller: a shorter context or answer, or fewer agents in one environment",
        )
    return text


def _if_it_is(expected: Any) -> Request:
    """The condition that the present value is `expected`; none when it may be anything."""
    if expected is ...:
        return {}
    if expected is None:
        return ABSENT
    return {
        "ConditionExpression": "#value = :expected",
        "ExpressionAttributeNames": {"#value": "value"},
        "ExpressionAttributeValues": {":expected": {"S": codec.canonical(expected)}},
    }
