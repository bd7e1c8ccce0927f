"""What is forgotten, and how the file becomes smaller again.

In small steps, each a transaction of its own: whoever wants to write meanwhile gets his turn between two of them.
"""

import sqlite3
from collections.abc import Callable
from datetime import datetime

from toolkit.core.clock import iso

from ._sqlite_file import File

AT_ONCE = 500  # rows that are forgotten in one step
PAGES = 500  # that are given back to the disk in one step: 4 MB
_INCREMENTAL = 2  # https://www.sqlite.org/pragma.html#pragma_auto_vacuum

Step = Callable[[sqlite3.Connection, str], int]


def prune(file: File, before: datetime) -> int:
    """As core.ports.Ledger.prune; expired locks and wishes go as well, uncounted."""
    moment = iso(before)
    forgotten = sum(_repeated(file, step, moment) for step in (_runs, _calls, _deliveries))
    file.write(lambda db: _expired(db, moment))
    _shrink(file)
    return forgotten


def _repeated(file: File, step: Step, moment: str) -> int:
    forgotten = 0
    while count := file.write(lambda db: step(db, moment)):
        forgotten += count
    return forgotten


def _runs(db: sqlite3.Connection, moment: str) -> int:
    """A run of which the queue still knows is not over: somebody has to settle it."""
    query = """SELECT runs.number, runs.id FROM history JOIN runs USING (number) WHERE ended < ?
               AND number NOT IN (SELECT number FROM queue) ORDER BY ended LIMIT ?"""
    found = db.execute(query, (moment, AT_ONCE)).fetchall()
    db.executemany("DELETE FROM mailbox WHERE run = ?", [(run,) for _, run in found])
    db.executemany("DELETE FROM runs WHERE number = ?", [(number,) for number, _ in found])
    return len(found)


def _calls(db: sqlite3.Connection, moment: str) -> int:
    query = """DELETE FROM calls WHERE number IN (
                   SELECT number FROM calls WHERE final = 1 AND coalesce(data ->> '$.finished', created) < ?1
                   AND created < ?1 ORDER BY created LIMIT ?2)"""
    return db.execute(query, (moment, AT_ONCE)).rowcount


def _deliveries(db: sqlite3.Connection, moment: str) -> int:
    """One whose work still waits, or goes on, stays: its receipt is asked for."""
    query = """DELETE FROM deliveries WHERE number IN (
                   SELECT number FROM deliveries WHERE received < ?1
                   AND id NOT IN (SELECT work ->> '$.delivery' FROM queue
                                  WHERE created < ?1 AND work ->> '$.delivery' IS NOT NULL)
                   ORDER BY received LIMIT ?2)"""
    return db.execute(query, (moment, AT_ONCE)).rowcount


def _expired(db: sqlite3.Connection, moment: str) -> None:
    db.execute("DELETE FROM locks WHERE expires < ?", (moment,))
    db.execute("DELETE FROM wishes WHERE until < ?", (moment,))


def _shrink(file: File) -> None:
    """Give the free pages back.  A file of the first version is remade once, so that it can."""
    with file.reading() as db:
        if db.execute("PRAGMA auto_vacuum").fetchone()[0] != _INCREMENTAL:
            db.execute(f"PRAGMA auto_vacuum = {_INCREMENTAL}")
            db.execute("VACUUM")
        while free := db.execute("PRAGMA freelist_count").fetchone()[0]:
            # `execute` would end after one page: this pragma answers with a row for each, and no column
            db.executescript(f"PRAGMA incremental_vacuum({PAGES})")
            if db.execute("PRAGMA freelist_count").fetchone()[0] >= free:
                break
        db.execute("PRAGMA wal_checkpoint(PASSIVE)")
