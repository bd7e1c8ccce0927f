"""Firestore's transactions: what each has read, and when it is in another's way.

https://firebase.google.com/docs/firestore/transaction-data-contention.  The service waits for a lock for a while before
it answers ABORTED; here nobody waits, so that a test is told at once.
"""

import secrets
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from .refusals import Refused, aborted

if TYPE_CHECKING:
    from .firestore_databases import Held

LONGEST, IDLE = 270.0, 60.0  # seconds (https://firebase.google.com/docs/firestore/quotas#limits)
CONTENTION = "Too much contention on these documents. Please try again."
EXPIRED = "The referenced transaction has expired or is no longer valid."


@dataclass(slots=True)
class Transaction:
    """`seen` has a version of each document that was read, b"" for one that was not there."""

    optimistic: bool
    read_only: bool
    begun: datetime
    used: datetime
    seen: dict[str, bytes] = field(default_factory=dict)
    queries: list[tuple[bytes, tuple[str, ...]]] = field(default_factory=list)

    def alive(self, now: datetime) -> bool:
        return (now - self.begun).total_seconds() <= LONGEST and (
            now - self.used
        ).total_seconds() <= IDLE

    def saw(self, name: str, document: Any | None) -> None:
        self.seen.setdefault(name, version(document))


def version(document: Any | None) -> bytes:
    return b"" if document is None else document.update_time.SerializeToString()


def begin(database: "Held", options: Any, now: datetime) -> bytes:
    """A new transaction's id.  `options` is a TransactionOptions."""
    read_only = options.WhichOneof("mode") == "read_only"
    asked = 0 if read_only else options.read_write.concurrency_mode
    optimistic = asked == 1 or (asked == 0 and database.optimistic)
    for over in [id_ for id_, t in database.transactions.items() if not t.alive(now)]:
        del database.transactions[over]
    id_ = secrets.token_bytes(16)
    made = Transaction(optimistic=optimistic, read_only=read_only, begun=now, used=now)
    database.transactions[id_] = made
    return id_


def using(database: "Held", id_: bytes, now: datetime) -> Transaction:
    """The transaction.  Raises Refused when it is over."""
    found = database.transactions.get(id_)
    if found is None or not found.alive(now):
        database.transactions.pop(id_, None)
        raise Refused("INVALID_ARGUMENT", EXPIRED)
    found.used = now
    return found


def judge(
    database: "Held", id_: bytes, names: Collection[str], now: datetime, *, changed: bool
) -> None:
    """Raises Refused when the transaction may not write these documents; it is over then.

    `changed` says that one of its queries would now find something else.
    """
    mine = using(database, id_, now)
    if mine.read_only and names:
        raise Refused("INVALID_ARGUMENT", "Cannot modify entities in a read-only transaction.")
    stale = any(version(database.get(name)) != seen for name, seen in mine.seen.items())
    del database.transactions[id_]
    if stale or changed:
        raise aborted(CONTENTION)
    check_locks(database, names, now)


def check_locks(database: "Held", names: Collection[str], now: datetime) -> None:
    """Raises Refused when a pessimistic transaction that goes on has read one of these."""
    for transaction in database.transactions.values():
        locks = not (transaction.optimistic or transaction.read_only) and transaction.alive(now)
        if locks and not transaction.seen.keys().isdisjoint(names):
            raise aborted(CONTENTION)
