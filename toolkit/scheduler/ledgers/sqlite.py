"""The embedded ledger: one SQLite file per project, shared by every process and thread on this machine.

Here are the runs, mailboxes and facts; the queue, locks, calls and deliveries have a file each beside this one.
It holds no secret, and is still private to the user: 0600 in a 0700 directory.
"""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from toolkit.core.errors import AlreadyExists, NotFound
from toolkit.core.ports import Context
from toolkit.core.run import Mailbox, Run, RunId

from . import _codec as codec
from . import _sqlite_retention as retention
from . import _sqlite_runs as runs
from ._sqlite_calls import SqliteCalls
from ._sqlite_deliveries import SqliteDeliveries
from ._sqlite_file import File
from ._sqlite_history import SqliteHistory
from ._sqlite_locks import SqliteLocks
from ._sqlite_queue import SqliteQueue


class SqliteLedger:
    """core.ports.Ledger in `<project>/.al/action-llama.db`."""

    def __init__(self, context: Context) -> None:
        self.path: Path = context.project / ".al" / "action-llama.db"
        self._file = File(self.path)
        self.queue = SqliteQueue(self._file)
        self.locks = SqliteLocks(self._file)
        self.calls = SqliteCalls(self._file)
        self.deliveries = SqliteDeliveries(self._file)
        self.history = SqliteHistory(self._file)

    def prepare(self) -> bool:
        missing = not self.path.exists()
        with self._file.reading():
            return missing

    def add(self, run: Run) -> None:
        row = runs.row_of(run)
        if self._file.write(lambda db: runs.added(db, row)) is None:
            raise AlreadyExists(
                f"the run {run.id} is already recorded", hint="allocate a new run id"
            )

    def get(self, run: RunId) -> Run | None:
        with self._file.reading() as db:
            return runs.find(db, run)

    def update(self, run: RunId, **changes: Any) -> Run:
        known = codec.checked(changes)
        if (new := self._file.write(lambda db: runs.change(db, run, known))) is None:
            raise NotFound(
                f"no run {run} in {self.path}", hint="list the runs with `al logs AGENT`"
            )
        return new

    def runs(
        self, *, agent: str | None = None, active: bool = False, limit: int = 50
    ) -> Sequence[Run]:
        where = ["final = 0"] if active else []
        where += ["agent = :agent"] if agent is not None else []
        # only the constant texts above are put together; values are bound
        query = f"SELECT data FROM runs WHERE {' AND '.join(where or ['1'])} ORDER BY created DESC, id DESC LIMIT :limit"  # noqa: S608
        with self._file.reading() as db:
            rows = db.execute(query, {"agent": agent, "limit": max(limit, 0)})
            return tuple(runs.run_of(row[0]) for row in rows)

    def mailbox(self, run: RunId) -> Mailbox:
        query = (
            "SELECT claimed, place, read, burned, stop, report, status FROM mailbox WHERE run = ?"
        )
        with self._file.reading() as db:
            row = db.execute(query, (run,)).fetchone()
        if row is None:
            return Mailbox()
        claimed, place, read, burned, stop, report, status = row
        return Mailbox(
            claimed=claimed,
            where=json.loads(place or "{}"),
            read=read,
            burned=burned,
            stop=bool(stop),
            report=json.loads(report) if report else None,
            status=status,
        )

    def request_stop(self, run: RunId) -> None:
        query = (
            "INSERT INTO mailbox (run, stop) VALUES (?, 1) ON CONFLICT (run) DO UPDATE SET stop = 1"
        )
        self._file.write(lambda db: db.execute(query, (run,)).rowcount)

    def fact(self, key: str) -> Any | None:
        with self._file.reading() as db:
            text = _fact(db, key)
        return None if text is None else json.loads(text)

    def set_fact(
        self,
        key: str,
        value: Any,
        *,
        expected: Any = ...,
        given: Mapping[str, Any] | None = None,
    ) -> bool:
        conditions = {**(given or {}), **({} if expected is ... else {key: expected})}
        known = {name: _fact_text(wanted) for name, wanted in conditions.items()}
        text = _fact_text(value)

        def kept(db: sqlite3.Connection) -> bool:
            if any(_fact(db, name) != wanted for name, wanted in known.items()):
                return False
            if text is None:
                db.execute("DELETE FROM facts WHERE key = ?", (key,))
            else:
                db.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (key, text))
            return True

        return self._file.write(kept)

    def facts(self, prefix: str) -> Mapping[str, Any]:
        query = "SELECT key, value FROM facts WHERE substr(key, 1, ?) = ? ORDER BY key"
        with self._file.reading() as db:
            return {k: json.loads(v) for k, v in db.execute(query, (len(prefix), prefix))}

    def read_facts(self, keys: Sequence[str]) -> Mapping[str, Any]:
        with self._file.reading() as db:
            found = {key: _fact(db, key) for key in keys}
        return {key: json.loads(text) for key, text in found.items() if text is not None}

    def prune(self, before: datetime) -> int:
        return retention.prune(self._file, before)

    def close(self) -> None:
        """Let go of the file once what was asked for is written, or after some seconds in which others kept us from that.
        Not needed at the end of a process, and no end: the next operation opens it again."""
        self._file.writer.close()


def _fact(db: sqlite3.Connection, key: str) -> str | None:
    row = db.execute("SELECT value FROM facts WHERE key = ?", (key,)).fetchone()
    return row[0] if row else None


def _fact_text(value: Any) -> str | None:
    return None if value is None else codec.canonical(value)


PLUGIN = SqliteLedger
