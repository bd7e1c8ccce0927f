"""What DynamoDB refuses, delays or remembers, and moto does not."""

from collections.abc import Callable
from typing import Any

import pytest

from .refused import accepted, code

Client = Callable[..., Any]
A = {"pk": {"S": "a"}}


@pytest.fixture
def table(client: Client, request: pytest.FixtureRequest) -> str:
    name = request.node.name[:200]
    client("dynamodb").create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return str(name)


def test_a_tables_name(client: Client) -> None:
    """3-255 of letters, digits, _ . - (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html)."""
    wrong = {
        "TableName": "a b",
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
        "BillingMode": "PAY_PER_REQUEST",
    }
    assert code(client("dynamodb").create_table, **wrong) == "ValidationException"


def test_time_to_live_changes_once_an_hour(client: Client, table: str) -> None:
    """A second change within the hour is a ValidationException (DynamoDB API reference, UpdateTimeToLive)."""
    update = client("dynamodb").update_time_to_live
    enabled = {"AttributeName": "expiresAt", "Enabled": True}
    assert accepted(update, TableName=table, TimeToLiveSpecification=enabled)
    wrong = {"TableName": table, "TimeToLiveSpecification": {**enabled, "Enabled": False}}
    assert code(update, **wrong) == "ValidationException"


def test_a_new_table_is_not_there_at_once(
    client: Client, settings: Callable[..., None], request: pytest.FixtureRequest
) -> None:
    """CREATING first, and not to be used (DynamoDB API reference, CreateTable)."""
    settings(creating_calls=1)
    table, dynamodb = request.getfixturevalue("table"), client("dynamodb")
    item = {"TableName": table, "Item": {"pk": {"S": "a"}}}
    assert code(dynamodb.put_item, **item) == "ResourceNotFoundException"
    assert dynamodb.describe_table(TableName=table)["Table"]["TableStatus"] == "CREATING"
    assert dynamodb.describe_table(TableName=table)["Table"]["TableStatus"] == "ACTIVE"
    assert accepted(dynamodb.put_item, **item)


def test_pages_of_a_table_can_be_small_and_empty(
    client: Client, table: str, settings: Callable[..., None]
) -> None:
    """The end is where no LastEvaluatedKey is
    (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Query.Pagination.html)."""
    dynamodb = client("dynamodb")
    for name in "abc":
        dynamodb.put_item(TableName=table, Item={"pk": {"S": name}})
    settings(empty_pages=1, page_items=2)
    pages = list(dynamodb.get_paginator("scan").paginate(TableName=table))
    assert [page["Count"] for page in pages] == [0, 2, 0, 1]
    assert sorted(item["pk"]["S"] for page in pages for item in page["Items"]) == ["a", "b", "c"]


def test_a_batch_can_be_read_in_part(
    client: Client, table: str, settings: Callable[..., None]
) -> None:
    """With success, and the rest in UnprocessedKeys
    (https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html)."""
    dynamodb, keys = client("dynamodb"), [{"pk": {"S": name}} for name in "abc"]
    for key in keys:
        dynamodb.put_item(TableName=table, Item=key)
    settings(page_items=1)
    first = dynamodb.batch_get_item(RequestItems={table: {"Keys": keys}})
    second = dynamodb.batch_get_item(RequestItems=first["UnprocessedKeys"])
    assert first["UnprocessedKeys"] == {table: {"Keys": keys[2:]}}
    assert (len(first["Responses"][table]), second["Responses"][table]) == (2, keys[2:])
    assert second["UnprocessedKeys"] == {}


def put(table: str, name: str, text: str = "", **more: Any) -> dict[str, Any]:
    """One action of a transaction."""
    return {"Put": {"TableName": table, "Item": {"pk": {"S": name}, "text": {"S": text}}, **more}}


def test_the_items_of_a_transaction_are_at_most_4_mb(client: Client, table: str) -> None:
    """All together (https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html)."""
    items = [put(table, str(number), "x" * 390_000) for number in range(11)]
    transact = client("dynamodb").transact_write_items
    assert code(transact, TransactItems=items) == "ValidationException"
    assert accepted(transact, TransactItems=items[:10])


def test_a_transaction_that_is_sent_again_is_done_once(client: Client, table: str) -> None:
    """By its token, which is good for nothing else (API_TransactWriteItems, ClientRequestToken)."""
    transact = client("dynamodb").transact_write_items
    new = {"ConditionExpression": "attribute_not_exists(pk)"}
    asked = {"TransactItems": [put(table, "a", **new)], "ClientRequestToken": f"{table[:30]}-token"}
    assert accepted(transact, **asked)
    assert accepted(transact, **asked)
    wrong = {**asked, "TransactItems": [put(table, "b")]}
    assert code(transact, **wrong) == "IdempotentParameterMismatchException"
    other = {**asked, "ClientRequestToken": "another"}
    assert code(transact, **other) == "TransactionCanceledException"


def test_an_expression_is_at_most_4_kb(client: Client, table: str) -> None:
    """https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html"""
    item = {"TableName": table, "Item": A}
    long = " OR ".join(["attribute_not_exists(pk)"] * 150)
    get = client("dynamodb").put_item
    assert code(get, **item, ConditionExpression=long) == "ValidationException"
    in_one = [put(table, "a", ConditionExpression=long)]
    transact = client("dynamodb").transact_write_items
    assert code(transact, TransactItems=in_one) == "ValidationException"


def test_a_number_has_38_digits_and_a_value_32_levels(client: Client, table: str) -> None:
    """https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html"""
    write = client("dynamodb").put_item
    assert accepted(write, TableName=table, Item=A | {"v": nested("1" * 38, 32)})
    long, deep = (A | {"v": value} for value in (nested("1" * 39, 1), nested("1", 33)))
    assert code(write, TableName=table, Item=long) == "ValidationException"
    assert code(write, TableName=table, Item=deep) == "ValidationException"


def nested(number: str, levels: int) -> dict[str, Any]:
    """A number in so many maps."""
    value: dict[str, Any] = {"N": number}
    for _ in range(levels):
        value = {"M": {"in": value}}
    return value
