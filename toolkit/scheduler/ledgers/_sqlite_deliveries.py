"""Webhooks that came in, in the embedded ledger: core.books.Deliveries and AcceptsMany."""

import sqlite3
from collections.abc import Callable, Sequence

from toolkit.core.errors import AlreadyExists
from toolkit.core.run import Run
from toolkit.core.work import Accepted, DeadReason, Delivery, DeliveryState, Page, WorkItem

from . import _sqlite_queue as queue
from ._sqlite_file import File
from ._sqlite_values import DELIVERY, delivery_of, delivery_row

Work = Sequence[tuple[Run, WorkItem, int]]


class SqliteDeliveries:
    """core.books.Deliveries and AcceptsMany."""

    def __init__(self, file: File) -> None:
        self._file = file

    def accept(self, delivery: Delivery, work: Work) -> Accepted:
        return self._file.write(_accepting(delivery, work))

    def accept_soon(
        self, delivery: Delivery, work: Work, then: Callable[[Accepted | BaseException], None]
    ) -> None:
        self._file.write_soon(_accepting(delivery, work), then)

    def get(self, receipt: str) -> Delivery | None:
        query = f"SELECT body, {DELIVERY} FROM deliveries WHERE id = ?"  # noqa: S608 - our own constant
        with self._file.reading() as db:
            row = db.execute(query, (receipt,)).fetchone()
        return delivery_of(row[1:], row[0]) if row else None

    def seen(self, source: str, delivery: str) -> str | None:
        with self._file.reading() as db:
            return _seen(db, source, delivery)

    def list(self, *, state: DeliveryState | None = None, limit: int = 50, offset: int = 0) -> Page:
        where = "" if state is None else "WHERE state = :state"
        count = f"SELECT count(*) FROM deliveries {where}"  # noqa: S608 - our own constants
        rows = f"""SELECT {DELIVERY} FROM deliveries {where}
                   ORDER BY received DESC, id DESC LIMIT :limit OFFSET :offset"""  # noqa: S608
        values = {"state": state, "limit": max(limit, 0), "offset": max(offset, 0)}
        with self._file.reading() as db:
            db.execute("BEGIN")  # both see the same
            (total,) = db.execute(count, values).fetchone()
            found = tuple(delivery_of(row) for row in db.execute(rows, values))
        return Page(rows=found, total=total)


def _accepting(delivery: Delivery, work: Work) -> Callable[[sqlite3.Connection], Accepted]:
    """What is to be written, put into words before anybody waits for it."""
    row = delivery_row(delivery)
    entries = [queue.entry_of(run, item, most) for run, item, most in work]
    insert = f"""INSERT INTO deliveries ({DELIVERY}, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                 ON CONFLICT DO NOTHING"""  # noqa: S608 - our own constant

    def accepted(db: sqlite3.Connection) -> Accepted:
        if db.execute(insert, row).rowcount == 0:
            return _duplicate(db, delivery)
        added = tuple(queue.add(db, entry, new=True) for entry in entries)
        return Accepted(receipt=delivery.id, added=added)

    return accepted


def _duplicate(db: sqlite3.Connection, delivery: Delivery) -> Accepted:
    verified = delivery.reason is not DeadReason.UNVERIFIED
    first = _seen(db, delivery.source, delivery.delivery) if verified else None
    if first is None:
        raise AlreadyExists(
            f"the delivery {delivery.id} is already recorded", hint="give it another receipt"
        )
    return Accepted(receipt=delivery.id, duplicate_of=first)


def _seen(db: sqlite3.Connection, source: str, delivery: str | None) -> str | None:
    query = """SELECT id FROM deliveries WHERE source = ? AND delivery = ?
               AND (reason IS NULL OR reason <> 'validation_failed') AND delivery IS NOT NULL"""
    row = db.execute(query, (source, delivery)).fetchone()
    return row[0] if row else None
