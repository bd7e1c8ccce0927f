"""The environment's DynamoDB table: made when missing, waited for, and refused when it is not ours (D5b, D15)."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from toolkit.clouds.aws import code_of, tag_list, translated
from toolkit.core.errors import AlError, Conflict, NotFound, Unreachable
from toolkit.core.names import Names
from toolkit.core.retry import retrying

EXPIRY = "expiresAt"
KEYS = {"pk": "HASH", "sk": "RANGE"}
READY_SECONDS = 120.0  # a table without indexes is there within seconds; AWS promises nothing


def make(client: Any, names: Names, *, sleep: Callable[[float], None] = time.sleep) -> bool:
    """Make the table, if need be; whether it had to be made.  Raises Conflict for one that is not ours.  Finishes an interrupted making."""
    found = _describe(client, names.table)
    if found is None:
        _create(client, names)
    table = _ready(client, names.table, sleep)
    _refuse_foreign(client, names, table)
    _expire(client, names.table)
    return found is None


def _describe(client: Any, name: str) -> Mapping[str, Any] | None:
    try:
        with translated(f"looking at the table {name}"):
            table: Mapping[str, Any] = client.describe_table(TableName=name)["Table"]
    except NotFound:
        return None
    return table


def _create(client: Any, names: Names) -> None:
    try:
        with translated(f"creating the table {names.table}"):
            client.create_table(
                TableName=names.table,
                AttributeDefinitions=[{"AttributeName": k, "AttributeType": "S"} for k in KEYS],
                KeySchema=[{"AttributeName": k, "KeyType": kind} for k, kind in KEYS.items()],
                BillingMode="PAY_PER_REQUEST",
                Tags=tag_list(names.tags(), "Key", "Value"),
            )
    except AlError as error:
        if code_of(error) != "ResourceInUseException":  # another process was faster
            raise


def _ready(client: Any, name: str, sleep: Callable[[float], None]) -> Mapping[str, Any]:
    """CreateTable is asynchronous, and DescribeTable right after it may find nothing
    (https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_DescribeTable.html)."""

    def look() -> Mapping[str, Any]:
        table = _describe(client, name)
        if table is None or table["TableStatus"] not in ("ACTIVE", "UPDATING"):
            state = table["TableStatus"] if table else "not visible"
            raise Unreachable(f"the table {name} is {state}", hint="wait a minute and try again")
        return table

    return retrying(look, seconds=READY_SECONDS, first=0.5, sleep=sleep)


def _refuse_foreign(client: Any, names: Names, table: Mapping[str, Any]) -> None:
    keys = {key["AttributeName"]: key["KeyType"] for key in table["KeySchema"]}
    if keys != KEYS or not names.owns(_tags(client, table["TableArn"])):
        raise Conflict(
            f"the table {names.table} is not this environment's: it lacks its tags or its keys",
            hint="remove or rename that table, or give the project another `name`",
        )


def _tags(client: Any, resource: str) -> dict[str, str]:
    with translated("reading the table's tags"):
        pages = client.get_paginator("list_tags_of_resource").paginate(ResourceArn=resource)
        return {tag["Key"]: tag["Value"] for page in pages for tag in page["Tags"]}


def _expire(client: Any, name: str) -> None:
    """Turn expiry on, once: a second change within an hour is refused
    (https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_UpdateTimeToLive.html)."""
    with translated(f"setting the expiry of the table {name}"):
        status = client.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
        if status["TimeToLiveStatus"] in ("DISABLED", "DISABLING"):
            client.update_time_to_live(
                TableName=name,
                TimeToLiveSpecification={"Enabled": True, "AttributeName": EXPIRY},
            )
