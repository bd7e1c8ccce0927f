"""What agents asked of each other, in the embedded ledger: core.books.Calls."""

import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from toolkit.core.errors import AlreadyExists, NotFound
from toolkit.core.run import RunId
from toolkit.core.work import Call

from ._sqlite_file import File
from ._sqlite_values import CALL_FIELDS, CALL_FIXED, call_of, call_text


class SqliteCalls:
    """core.books.Calls."""

    def __init__(self, file: File) -> None:
        self._file = file

    def add(self, call: Call) -> None:
        row = (call.id, call.caller, call.run, call.created, call.state.final, call_text(call))
        query = """INSERT INTO calls (id, caller, run, created, final, data) VALUES (?, ?, ?, ?, ?, ?)
                   ON CONFLICT (id) DO NOTHING"""
        if not self._file.write(lambda db: db.execute(query, row).rowcount):
            raise AlreadyExists(f"the call {call.id} is already recorded", hint="make a new id")

    def get(self, call: str) -> Call | None:
        return self._first("SELECT data FROM calls WHERE id = ?", call)

    def update(self, call: str, **changes: Any) -> Call:
        if wrong := sorted(changes.keys() - (set(CALL_FIELDS) - CALL_FIXED)):
            raise TypeError(f"a call's {', '.join(wrong)} cannot be set")

        def updated(db: sqlite3.Connection) -> Call:
            row = db.execute("SELECT data FROM calls WHERE id = ?", (call,)).fetchone()
            if row is None:
                raise NotFound(f"no call {call}", hint="calls are kept for 14 days: make a new one")
            if (present := call_of(row[0])).state.final:
                return present
            new = replace(present, **changes)
            values = (new.run, new.state.final, call_text(new), call)
            db.execute("UPDATE calls SET run = ?, final = ?, data = ? WHERE id = ?", values)
            return new

        return self._file.write(updated)

    def of_caller(self, run: RunId) -> Sequence[Call]:
        return self._all("SELECT data FROM calls WHERE caller = ? ORDER BY created, id", run)

    def of_run(self, run: RunId) -> Call | None:
        return self._first(
            "SELECT data FROM calls WHERE run = ? ORDER BY created DESC, id DESC LIMIT 1", run
        )

    def recent(self, *, limit: int = 100, active: bool = False) -> Sequence[Call]:
        where = "WHERE final = 0 " if active else ""
        query = f"SELECT data FROM calls {where}ORDER BY created DESC, id DESC LIMIT ?"  # noqa: S608 - our own constants
        return self._all(query, max(limit, 0))

    def _all(self, query: str, value: Any) -> Sequence[Call]:
        with self._file.reading() as db:
            return tuple(call_of(row[0]) for row in db.execute(query, (value,)))

    def _first(self, query: str, value: str) -> Call | None:
        found = self._all(query, value)
        return found[0] if found else None
