"""One DynamoDB table, as the ledger uses it: strongly consistent, paged, complete, and with every name escaped.

Escaped, because `state`, `value` and hundreds of other words are reserved
(https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ReservedWords.html).  It knows nothing of runs.
"""

import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from toolkit.clouds.aws import clients_for, code_of, translated
from toolkit.core.environment import AwsCloud
from toolkit.core.errors import AlError, Throttled
from toolkit.core.retry import retrying

from ._attributes import encode

Item = Mapping[str, Any]  # attribute name -> attribute value
Request = dict[str, Any]
MOST_KEYS = (
    100  # https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html
)
WAITS = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2)  # seconds between asking again for the rest
CROSSED = {"TransactionConflict", "TransactionConflictException", "TransactionInProgressException"}


def key(pk: str, sk: str) -> dict[str, Any]:
    return {"pk": {"S": pk}, "sk": {"S": sk}}


def failures(error: AlError) -> tuple[str, ...]:
    """Why a write was refused: one code, or one per action of its transaction
    (https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html)."""
    response = getattr(error.__cause__, "response", None) or {}  # a lost connection has None
    reasons = response.get("CancellationReasons")
    if reasons is None:
        return (code_of(error),)
    return tuple(reason.get("Code", "None") for reason in reasons)


def condition_failed(error: AlError) -> bool:
    return any(code.startswith("ConditionalCheckFailed") for code in failures(error))


class Table:
    """Requests to the table `name`.  Errors are ours, with AWS's own as their cause."""

    def __init__(
        self, cloud: AwsCloud, name: str, *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self.name = name
        self._cloud = cloud
        self._sleep = sleep

    @property
    def client(self) -> Any:
        return clients_for(self._cloud).client("dynamodb")

    def get(self, key: Item) -> Item | None:
        answer = self._call("get_item", {"Key": key, "ConsistentRead": True})
        item: Item | None = answer.get("Item")
        return item

    def put(self, item: Item, condition: Request) -> None:
        self._call("put_item", {"Item": item, **condition})

    def delete(self, key: Item, condition: Request) -> None:
        self._call("delete_item", {"Key": key, **condition})

    def set(self, key: Item, paths: Mapping[str, Any], condition: str = "") -> Item:
        """Set these attributes, as in `setting`; the whole item afterwards."""
        request = self.setting(key, paths, condition) | {"ReturnValues": "ALL_NEW"}
        item: Item = self._call("update_item", request)["Attributes"]
        return item

    def transact(self, actions: Sequence[Request]) -> None:
        """All of these, made by `putting`, `setting` and `deleting`, or none."""
        named = [
            {verb: {"TableName": self.name, **request}}
            for a in actions
            for verb, request in a.items()
        ]
        # one token for every attempt: sent again after a lost answer, it is not done twice
        request = {"TransactItems": named, "ClientRequestToken": secrets.token_hex(16)}
        self._patiently(partial(self.client.transact_write_items, **request))

    def query(
        self, pk: str, *, prefix: str = "", newest_first: bool = False, page: int = 0
    ) -> Iterator[Item]:
        """The items of one partition, as many pages as it takes.  `page` is the size of one, 0 for 1 MB.

        A page may be empty and not be the last
        (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Query.Pagination.html).
        """
        names, values = {"#pk": "pk"}, {":pk": {"S": pk}}
        if prefix:
            names["#sk"], values[":sk"] = "sk", {"S": prefix}
        pages = self.client.get_paginator("query").paginate(
            TableName=self.name,
            KeyConditionExpression="#pk = :pk" + (" AND begins_with(#sk, :sk)" if prefix else ""),
            ExpressionAttributeNames=names,
            ExpressionAttributeValues=values,
            ConsistentRead=True,
            ScanIndexForward=not newest_first,
            **({"Limit": page} if page else {}),
        )
        with translated(self._doing):
            for answer in pages:
                yield from answer["Items"]

    def read_many(self, keys: Sequence[Item]) -> Iterator[Item]:
        """The items that there are, in no order.  Raises Throttled when the service keeps leaving some out."""
        for start in range(0, len(keys), MOST_KEYS):
            yield from self._read_batch(list(keys[start : start + MOST_KEYS]))

    def _read_batch(self, keys: list[Item]) -> Iterator[Item]:
        # the answer is 200 also when the service read only a part of what was asked
        for wait in WAITS:
            wanted = {self.name: {"Keys": keys, "ConsistentRead": True}}
            answer = self._patiently(partial(self.client.batch_get_item, RequestItems=wanted))
            yield from answer["Responses"].get(self.name, ())
            keys = answer.get("UnprocessedKeys", {}).get(self.name, {}).get("Keys", [])
            if not keys:
                return
            self._sleep(wait)
        raise Throttled(
            f"the table {self.name} answers only a part of what is asked",
            hint="wait a moment and run the command again",
        )

    @property
    def _doing(self) -> str:
        return f"using the table {self.name}"

    def _call(self, verb: str, request: Request) -> Any:
        return self._patiently(partial(getattr(self.client, verb), TableName=self.name, **request))

    def _patiently(self, call: Callable[[], Any]) -> Any:
        """`call()`, again while another transaction holds one of its items: such a refusal changes nothing."""

        def attempt() -> Any:
            with translated(self._doing):
                return call()

        return retrying(attempt, seconds=20.0, first=0.05, retry=_crossed, sleep=self._sleep)

    @staticmethod
    def putting(item: Item, condition: str = "") -> Request:
        return {"Put": {"Item": item, **_only_if(condition)}}

    @staticmethod
    def deleting(key: Item) -> Request:
        return {"Delete": {"Key": key}}

    @staticmethod
    def setting(key: Item, paths: Mapping[str, Any], condition: str = "") -> Request:
        """`paths`: attribute name -> value; a dot in a name enters a map."""
        values = {f":v{n}": encode(value) for n, value in enumerate(paths.values())}
        sets = [f"#{path.replace('.', '.#')} = {v}" for path, v in zip(paths, values, strict=True)]
        return {
            "Key": key,
            "UpdateExpression": f"SET {', '.join(sets)}",
            "ExpressionAttributeNames": {f"#{p}": p for path in paths for p in path.split(".")},
            "ExpressionAttributeValues": values,
            **_only_if(condition),
        }


def _only_if(condition: str) -> Request:
    return {"ConditionExpression": condition} if condition else {}


def _crossed(error: AlError) -> bool:
    if condition_failed(error):
        return False
    return error.temporary or bool(CROSSED & {*failures(error), code_of(error)})
