"""DynamoDB's tables as moto has them, with the pages, delays, partial answers and tokens of the real service."""

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .calls import Answer, Call, Refusal
from .handlers import Ask, Handler
from .pages import shrink
from .settings import Settings

# how long a transaction's token is known
# (https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html)
TOKEN_SECONDS = 600.0
_EMPTY = "al-sandbox-empty"  # a key that has this continues after an empty page


@dataclass(frozen=True, slots=True, kw_only=True)
class Transaction:
    """One that was carried out: what it asked for, and what it was told."""

    asked: str
    answer: Answer
    at: float


class Tables:
    """The handlers of the service."""

    def __init__(self, settings: Callable[[], Settings]) -> None:
        self._settings = settings
        self._creating: dict[str, int] = {}  # table -> calls that still answer CREATING
        self._transactions: dict[str, Transaction] = {}  # by token, the oldest first

    def handlers(self) -> Mapping[tuple[str, str], Handler]:
        own: dict[str, Handler] = {
            "CreateTable": self.create,
            "DescribeTable": self.describe,
            "Query": self.page,
            "Scan": self.page,
            "BatchGetItem": self.read_some,
            "TransactWriteItems": self.transact,
            **dict.fromkeys(("GetItem", "PutItem", "UpdateItem", "DeleteItem"), self.use),
        }
        return {("dynamodb", name): handler for name, handler in own.items()}

    def create(self, call: Call, ask: Ask) -> Answer:
        answer = ask()
        calls = self._settings().creating_calls
        if not answer.ok or not calls:
            return answer
        self._creating[call.parameters["TableName"]] = calls
        return _with_status(answer, "TableDescription")

    def describe(self, call: Call, ask: Ask) -> Answer:
        """A new table is CREATING for a while (API reference, CreateTable)."""
        name = call.parameters["TableName"].rpartition("/")[2]
        left = self._creating.get(name, 0)
        self._creating[name] = max(0, left - 1)
        answer = ask()
        return _with_status(answer, "Table") if left and answer.ok else answer

    def use(self, call: Call, ask: Ask) -> Answer:
        self._check_created(call)
        return ask()

    def page(self, call: Call, ask: Ask) -> Answer:
        """One may be empty before the end (developer guide, Query.Pagination)."""
        self._check_created(call)
        start, settings = dict(call.parameters.get("ExclusiveStartKey") or {}), self._settings()
        marked = start.pop(_EMPTY, None) is not None
        if settings.empty_pages and not marked:
            following = {**start, _EMPTY: {"S": "~"}}
            return _json(
                {"Items": [], "Count": 0, "ScannedCount": 0, "LastEvaluatedKey": following}
            )
        changes = {"ExclusiveStartKey": start or None} if marked else {}
        shrink(call, "Limit", settings.page_items, **changes)
        return ask()

    def read_some(self, call: Call, ask: Ask) -> Answer:
        """Of more keys than a page's, half are left unread, with success (API reference, BatchGetItem)."""
        if not (most := self._settings().page_items):
            return ask()
        asked, read, left = json.loads(call.raw), dict[str, Any](), dict[str, Any]()
        for table, wanted in asked["RequestItems"].items():
            keys = wanted["Keys"]
            number = max(most, (len(keys) + 1) // 2)
            read[table] = {**wanted, "Keys": keys[:number]}
            left |= {table: {**wanted, "Keys": keys[number:]}} if keys[number:] else {}
        call.resend({**asked, "RequestItems": read})
        answer = ask()
        if not left or not answer.ok:
            return answer
        return answer.replaced({**answer.json(), "UnprocessedKeys": left})

    def transact(self, call: Call, ask: Ask) -> Answer:
        """Sent again with its token, a transaction that was carried out is not done twice; with that token nothing else
        is (API reference, TransactWriteItems, ClientRequestToken).  moto forgets tokens."""
        token, now = call.parameters.get("ClientRequestToken"), time.monotonic()
        for old in [t for t, done in self._transactions.items() if now - done.at > TOKEN_SECONDS]:
            self._transactions.pop(old, None)
        asked = hashlib.sha256(repr(call.parameters).encode()).hexdigest()
        if token and (done := self._transactions.get(token)):
            if done.asked == asked:
                return done.answer
            raise Refusal(
                "IdempotentParameterMismatchException",
                "The client request token was used before, with other parameters.",
            )
        answer = ask()
        if token and answer.ok:
            self._transactions[token] = Transaction(asked=asked, answer=answer, at=now)
        return answer

    def _check_created(self, call: Call) -> None:
        if self._creating.get(call.parameters.get("TableName", "").rpartition("/")[2], 0):
            raise Refusal("ResourceNotFoundException", "Requested resource not found")


def _with_status(answer: Answer, member: str) -> Answer:
    found = answer.json()
    found[member]["TableStatus"] = "CREATING"
    return answer.replaced(found)


def _json(value: Mapping[str, Any]) -> Answer:
    return Answer(
        headers=(("Content-Type", "application/x-amz-json-1.0"),), body=json.dumps(value).encode()
    )
