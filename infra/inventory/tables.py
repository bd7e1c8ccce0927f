"""The environment's state table.  Deleting one is asynchronous: it is DELETING first, and then gone
(https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_DeleteTable.html)."""

from collections.abc import Iterator, Mapping
from typing import Any

from toolkit.clouds.aws import translated
from toolkit.core.errors import NotFound
from toolkit.core.plan import Item

from .account import Account, mapping

GONE_SECONDS = 300.0
BUSY = ("ResourceInUseException",)  # it is being created or changed


class Tables:
    kind = "table"

    def __init__(self, account: Account) -> None:
        self._account = account

    def observe(self) -> Iterator[Item]:
        """One that is DELETING says so: nothing can be kept in it any more."""
        name = self._account.names.table
        found = self._account.patiently(lambda: self._found(name))
        if found is not None:
            table, tags = found
            yield Item(
                kind=self.kind, name=name, attributes={"status": table["TableStatus"]}, tags=tags
            )

    def remove(self, item: Item) -> None:
        found = self._account.patiently(lambda: self._found(item.name))
        if found is None:
            return
        table, tags = found
        self._account.refuse_foreign(item, tags)
        if table["TableStatus"] != "DELETING":
            self._account.while_busy(lambda: self._delete(item.name), BUSY)
        self._account.until_gone(item, lambda: self._described(item.name), seconds=GONE_SECONDS)

    @property
    def _dynamodb(self) -> Any:
        return self._account.client("dynamodb")

    def _found(self, name: str) -> tuple[Mapping[str, Any], dict[str, str]] | None:
        """The table and its tags; None also for one that goes while we look."""
        table = self._described(name)
        if table is None:
            return None
        try:
            with translated(f"reading the tags of the table {name}"):
                pages = self._dynamodb.get_paginator("list_tags_of_resource").paginate(
                    ResourceArn=table["TableArn"]
                )
                return table, mapping(tag for page in pages for tag in page["Tags"])
        except NotFound:
            return None

    def _described(self, name: str) -> Mapping[str, Any] | None:
        try:
            with translated(f"looking at the table {name}"):
                table: Mapping[str, Any] = self._dynamodb.describe_table(TableName=name)["Table"]
        except NotFound:
            return None
        return table

    def _delete(self, name: str) -> None:
        try:
            with translated(f"deleting the table {name}"):
                self._dynamodb.delete_table(TableName=name)
        except NotFound:
            return
