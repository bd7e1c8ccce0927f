"""What DynamoDB refuses beyond its model, and moto accepts.

Pages: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html and the API reference
(CreateTable, UpdateTimeToLive, TransactWriteItems).
"""

import json
import re
import time
from collections.abc import Iterator, Mapping
from typing import Any

from .calls import Call, Refusal
from .cloud import Cloud
from .refusal_table import Rules

LARGEST_TRANSACTION = 4 * 1024 * 1024  # bytes of all its items together
LONGEST_EXPRESSION = 4 * 1024  # bytes
DEEPEST = 32  # maps and lists in each other
MOST_DIGITS = 38  # of a number
_TABLE = re.compile(r"[a-zA-Z0-9_.-]{3,255}")
_HOUR = 3600


def table_name(call: Call, _: Cloud) -> None:
    """The model's shape is the one of ARNs too, which says nothing of names."""
    if not _TABLE.fullmatch(call.parameters["TableName"]):
        raise Refusal(
            "ValidationException",
            "TableName must be at least 3 characters long and at most 255 characters long, and match "
            f"{_TABLE.pattern}",
        )


def time_to_live(call: Call, cloud: Cloud) -> None:
    """A change takes up to an hour, and a second one within it is refused."""
    with cloud.backend("dynamodb", call.region) as backend:
        table = backend.get_table(call.parameters["TableName"])
        wanted = call.parameters["TimeToLiveSpecification"]["Enabled"]
        state, changed = table.ttl.get("TimeToLiveStatus"), getattr(table, "al_ttl_changed", 0.0)
        if wanted and state == "ENABLED":
            raise Refusal("ValidationException", "TimeToLive is already enabled")
        if time.monotonic() - changed < _HOUR and changed:
            raise Refusal(
                "ValidationException",
                "Time to live has been modified multiple times within a fixed interval",
            )
        table.al_ttl_changed = time.monotonic()


def transaction(call: Call, _: Cloud) -> None:
    """The items' size is about that of their JSON, which names each type besides."""
    size = sum(_size(put["Item"]) for put in _parts(call.parameters) if "Item" in put)
    if size > LARGEST_TRANSACTION:
        raise Refusal(
            "ValidationException",
            "Transaction request cannot be larger than 4 MB: the items of this one have "
            f"{size} bytes",
        )


def expressions(call: Call, _: Cloud) -> None:
    for part in (call.parameters, *_parts(call.parameters)):
        for name, text in part.items():
            if name.endswith("Expression") and len(text.encode()) > LONGEST_EXPRESSION:
                raise Refusal(
                    "ValidationException",
                    f"Invalid {name}: Expression size has exceeded the maximum allowed size;",
                )


def values(call: Call, _: Cloud) -> None:
    for part in (call.parameters, *_parts(call.parameters)):
        given = (part.get("Item"), part.get("ExpressionAttributeValues"))
        for value in (value for attributes in given for value in (attributes or {}).values()):
            _check(value)


def _parts(parameters: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """What each action of a transaction asks for."""
    for action in parameters.get("TransactItems", ()):
        yield from action.values()


def _size(item: Mapping[str, Mapping[str, Any]]) -> int:
    """Names and values in UTF-8."""
    values = (value for attribute in item.values() for value in attribute.values())
    texts = (v if isinstance(v, str) else json.dumps(v, default=repr) for v in values)
    return sum(len(text.encode()) for text in (*item, *texts))


def _check(value: Mapping[str, Any], depth: int = 0) -> None:
    """Raises Refusal for a value that is too deep, or a number that is too long."""
    if depth > DEEPEST:
        raise Refusal(
            "ValidationException", f"Nesting Levels have exceeded supported limits: {DEEPEST}"
        )
    number = value.get("N", "").upper().partition("E")[0]
    if len(re.sub(r"\D", "", number).strip("0")) > MOST_DIGITS:
        raise Refusal(
            "ValidationException",
            "Attempting to store more than 38 significant digits in a Number",
        )
    for inner in (*value.get("M", {}).values(), *value.get("L", ())):
        _check(inner, depth + 1)


RULES: Rules = {
    ("dynamodb", "CreateTable"): (table_name,),
    ("dynamodb", "UpdateTimeToLive"): (time_to_live,),
    ("dynamodb", "PutItem"): (expressions, values),
    ("dynamodb", "UpdateItem"): (expressions, values),
    ("dynamodb", "DeleteItem"): (expressions,),
    ("dynamodb", "Query"): (expressions,),
    ("dynamodb", "TransactWriteItems"): (transaction, expressions, values),
}
