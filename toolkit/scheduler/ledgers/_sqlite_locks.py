"""Who has which resource to himself, in the embedded ledger: core.books.Locks."""

import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from toolkit.core.clock import iso
from toolkit.core.run import RunId
from toolkit.core.work import Grip, Lock, LockAnswer

from ._sqlite_file import File


class SqliteLocks:
    """core.books.Locks.  A holder wants one key at a time: the last that it was refused."""

    def __init__(self, file: File) -> None:
        self._file = file

    def acquire(
        self,
        key: str,
        holder: RunId,
        *,
        seconds: float,
        moment: datetime,
        single: bool = False,
        most: int | None = None,
    ) -> Grip:
        now, expires = iso(moment), iso(moment + timedelta(seconds=seconds))

        def acquired(db: sqlite3.Connection) -> Grip:
            if single and (other := _other(db, key, holder, now)) is not None:
                return Grip(answer=LockAnswer.ONE_ONLY, lock=other)
            if most is not None and _others(db, key, holder, now) >= most:
                return Grip(answer=LockAnswer.TOO_MANY)
            present = _lock(db, key, now)
            if present is not None and present.holder != holder:
                return _refused(db, present, holder, now, expires)
            return _taken(db, key, holder, present.since if present else now, expires)

        return self._file.write(acquired)

    def release(self, key: str, holder: RunId, *, moment: datetime) -> Grip:
        def released(db: sqlite3.Connection) -> Grip:
            present = _lock(db, key, iso(moment))
            if present is None or present.holder != holder:
                return _not_his(present)
            db.execute("DELETE FROM locks WHERE key = ?", (key,))
            db.execute(
                "DELETE FROM wishes WHERE holder = ?1 AND NOT EXISTS (SELECT 1 FROM locks WHERE holder = ?1)",
                (holder,),
            )
            return Grip(answer=LockAnswer.FREED, lock=present)

        return self._file.write(released)

    def heartbeat(self, key: str, holder: RunId, *, seconds: float, moment: datetime) -> Grip:
        def renewed(db: sqlite3.Connection) -> Grip:
            present = _lock(db, key, iso(moment))
            if present is None or present.holder != holder:
                return _not_his(present)
            expires = iso(moment + timedelta(seconds=seconds))
            db.execute("UPDATE locks SET expires = ? WHERE key = ?", (expires, key))
            return Grip(answer=LockAnswer.HELD, lock=replace(present, expires=expires))

        return self._file.write(renewed)

    def held(self, holder: RunId | None = None, *, moment: datetime) -> Sequence[Lock]:
        query = "SELECT key, holder, since, expires FROM locks WHERE expires > :now ORDER BY key"
        if holder is not None:
            query = "SELECT key, holder, since, expires FROM locks WHERE holder = :holder AND expires > :now ORDER BY key"
        with self._file.reading() as db:
            rows = db.execute(query, {"holder": holder, "now": iso(moment)})
            return tuple(_of(row) for row in rows)

    def release_all(self, holder: RunId) -> int:
        anything = "SELECT 1 FROM locks WHERE holder = :h UNION ALL SELECT 1 FROM wishes WHERE holder = :h LIMIT 1"
        with self._file.reading() as db:  # asked for at every run's end, and nearly none has any
            if db.execute(anything, {"h": holder}).fetchone() is None:
                return 0

        def released(db: sqlite3.Connection) -> int:
            db.execute("DELETE FROM wishes WHERE holder = ?", (holder,))
            return db.execute("DELETE FROM locks WHERE holder = ?", (holder,)).rowcount

        return self._file.write(released)


def _of(row: tuple[str, str, str, str]) -> Lock:
    key, holder, since, expires = row
    return Lock(key=key, holder=RunId(holder), since=since, expires=expires)


def _lock(db: sqlite3.Connection, key: str, now: str) -> Lock | None:
    query = "SELECT key, holder, since, expires FROM locks WHERE key = ? AND expires > ?"
    row = db.execute(query, (key, now)).fetchone()
    return _of(row) if row else None


def _other(db: sqlite3.Connection, key: str, holder: RunId, now: str) -> Lock | None:
    query = "SELECT key, holder, since, expires FROM locks WHERE holder = ? AND key <> ? AND expires > ? ORDER BY key LIMIT 1"
    row = db.execute(query, (holder, key, now)).fetchone()
    return _of(row) if row else None


def _others(db: sqlite3.Connection, key: str, holder: RunId, now: str) -> int:
    query = "SELECT count(*) FROM locks WHERE holder = ? AND key <> ? AND expires > ?"
    (count,) = db.execute(query, (holder, key, now)).fetchone()
    return int(count)


def _taken(db: sqlite3.Connection, key: str, holder: RunId, since: str, expires: str) -> Grip:
    row = (key, str(holder), since, expires)
    db.execute(
        "INSERT OR REPLACE INTO locks (key, holder, since, expires) VALUES (?, ?, ?, ?)", row
    )
    db.execute("DELETE FROM wishes WHERE holder = ?", (holder,))
    return Grip(answer=LockAnswer.HELD, lock=_of(row))


def _refused(db: sqlite3.Connection, present: Lock, holder: RunId, now: str, until: str) -> Grip:
    db.execute(
        "INSERT OR REPLACE INTO wishes (holder, key, until) VALUES (?, ?, ?)",
        (holder, present.key, until),
    )
    cycle = _cycle(db, present, holder, now)
    answer = LockAnswer.DEADLOCK if cycle else LockAnswer.TAKEN
    return Grip(answer=answer, lock=present, cycle=cycle)


def _cycle(db: sqlite3.Connection, present: Lock, asker: RunId, now: str) -> tuple[str, ...]:
    """From the asker along who wants what of whom, back to the asker; empty when it ends elsewhere."""
    path, lock = [str(asker), present.key], present
    while lock.holder not in path[::2]:
        query = "SELECT key FROM wishes WHERE holder = ? AND until > ?"
        row = db.execute(query, (lock.holder, now)).fetchone()
        wanted = _lock(db, row[0], now) if row else None
        if wanted is None:
            return ()
        path += [str(lock.holder), wanted.key]
        lock = wanted
    return (*path, str(asker)) if lock.holder == asker else ()


def _not_his(present: Lock | None) -> Grip:
    return Grip(answer=LockAnswer.TAKEN if present else LockAnswer.UNKNOWN, lock=present)
