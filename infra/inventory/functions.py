"""Lambda functions: the agents' and the gateway's.

Deleting one without a qualifier takes its versions, aliases, URL, permissions and event settings with it
(https://docs.aws.amazon.com/lambda/latest/api/API_DeleteFunction.html).
"""

from collections.abc import Iterator
from typing import Any

from toolkit.clouds.aws import translated
from toolkit.core.errors import NotFound
from toolkit.core.plan import Item

from .account import Account

LONGEST = 64  # characters of a function's name, as in Names.function


class Functions:
    kind = "function"

    def __init__(self, account: Account) -> None:
        self._account = account

    def observe(self) -> Iterator[Item]:
        """By GetFunction, which has the tags and may be called 100 times a second; ListTags only 15 times."""
        names = self._account.patiently(self._named)
        for name, tags in zip(names, self._account.each(self.tags, names), strict=True):
            if tags is not None:
                yield Item(kind=self.kind, name=name, tags=tags)

    def remove(self, item: Item) -> None:
        tags = self._account.patiently(lambda: self.tags(item.name))
        if tags is None:
            return
        self._account.refuse_foreign(item, tags)
        # one that is being created or updated cannot be deleted yet
        self._account.while_busy(lambda: self._delete(item.name), ("ResourceConflictException",))
        self._account.until_gone(item, lambda: self.tags(item.name) is not None)

    def tags(self, name: str) -> dict[str, str] | None:
        """Its tags, or None when it is not there."""
        try:
            with translated(f"looking at the function {name}"):
                found = self._lambda.get_function(FunctionName=name)
        except NotFound:
            return None
        return dict(found.get("Tags") or {})

    @property
    def _lambda(self) -> Any:
        return self._account.client("lambda")

    def _named(self) -> list[str]:
        begins = self._account.begins(LONGEST)
        with translated("listing the functions"):
            pages = self._lambda.get_paginator("list_functions").paginate()
            found = [one["FunctionName"] for page in pages for one in page["Functions"]]
        return [name for name in found if name.startswith(begins)]

    def _delete(self, name: str) -> None:
        try:
            with translated(f"deleting the function {name}"):
                self._lambda.delete_function(FunctionName=name)
        except NotFound:
            return
