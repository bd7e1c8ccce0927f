"""The embedded ledger: one SQLite file per project, shared by every process and thread on this machine.

A connection lives as long as one operation, so nothing has to be closed, inherited or locked between calls.
WAL with `synchronous=FULL`: what was answered survives a power cut (https://www.sqlite.org/pragma.html).
It holds no secret, and is still private to the user: 0600 in a 0700 directory.
"""

import json
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from toolkit.core.errors import AlreadyExists, Conflict, NotFound
from toolkit.core.ports import Context
from toolkit.core.run import Mailbox, Run, RunId

from . import _codec as codec
from ._sqlite_errors import is_busy, translated

PATIENCE = 30.0  # seconds that a writer waits for its turn
APPLICATION_ID = 0x616C6C67  # "allg": how we know a file of ours
MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """CREATE TABLE runs (id TEXT PRIMARY KEY, agent TEXT NOT NULL, created TEXT NOT NULL,
                              final INTEGER NOT NULL, data TEXT NOT NULL) WITHOUT ROWID""",
        "CREATE INDEX runs_newest ON runs (created DESC, id DESC)",
        "CREATE INDEX runs_of_agent ON runs (agent, created DESC, id DESC)",
        "CREATE INDEX runs_active ON runs (created DESC, id DESC) WHERE final = 0",
        """CREATE TABLE mailbox (run TEXT PRIMARY KEY, claimed TEXT, claimer TEXT, place TEXT, read TEXT,
                                 burned TEXT, stop INTEGER, report TEXT, status TEXT)""",
        "CREATE TABLE facts (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    ),
)


class SqliteLedger:
    """core.ports.Ledger in `<project>/.al/action-llama.db`."""

    def __init__(self, context: Context) -> None:
        self.path: Path = context.project / ".al" / "action-llama.db"

    def prepare(self) -> bool:
        missing = not self.path.exists()
        with self._reading():
            return missing

    def add(self, run: Run) -> None:
        row = (run.id, run.agent, run.created, run.state.final, _text(run))
        with self._writing() as db:
            try:
                db.execute("INSERT INTO runs VALUES (?, ?, ?, ?, ?)", row)
            except sqlite3.IntegrityError as error:
                raise AlreadyExists(
                    f"the run {run.id} is already recorded", hint="allocate a new run id"
                ) from error

    def get(self, run: RunId) -> Run | None:
        with self._reading() as db:
            return _find(db, run)

    def update(self, run: RunId, **changes: Any) -> Run:
        with self._writing() as db:
            if (record := _find(db, run)) is None:
                raise NotFound(
                    f"no run {run} in {self.path}", hint="list the runs with `al logs AGENT`"
                )
            new = codec.changed(record, changes)
            row = (new.state.final, _text(new), run)
            db.execute("UPDATE runs SET final = ?, data = ? WHERE id = ?", row)
            return new

    def runs(
        self, *, agent: str | None = None, active: bool = False, limit: int = 50
    ) -> Sequence[Run]:
        where = ["final = 0"] if active else []
        where += ["agent = :agent"] if agent is not None else []
        # only the constant texts above are put together; values are bound
        query = f"SELECT data FROM runs WHERE {' AND '.join(where or ['1'])} ORDER BY created DESC, id DESC LIMIT :limit"  # noqa: S608
        with self._reading() as db:
            rows = db.execute(query, {"agent": agent, "limit": max(limit, 0)})
            return tuple(codec.from_data(json.loads(row[0])) for row in rows)

    def mailbox(self, run: RunId) -> Mailbox:
        query = (
            "SELECT claimed, place, read, burned, stop, report, status FROM mailbox WHERE run = ?"
        )
        with self._reading() as db:
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
        with self._writing() as db:
            db.execute(
                "INSERT INTO mailbox (run, stop) VALUES (?, 1) ON CONFLICT (run) DO UPDATE SET stop = 1",
                (run,),
            )

    def fact(self, key: str) -> Any | None:
        with self._reading() as db:
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
        with self._writing() as db:
            if any(_fact(db, name) != _fact_text(known) for name, known in conditions.items()):
                return False
            if value is None:
                db.execute("DELETE FROM facts WHERE key = ?", (key,))
            else:
                row = (key, codec.canonical(value))
                db.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", row)
            return True

    def facts(self, prefix: str) -> Mapping[str, Any]:
        query = "SELECT key, value FROM facts WHERE substr(key, 1, ?) = ? ORDER BY key"
        with self._reading() as db:
            return {k: json.loads(v) for k, v in db.execute(query, (len(prefix), prefix))}

    # connections

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with translated(self.path):
            db = self._connect()
            try:
                yield db
            finally:
                db.close()

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction that holds the write lock from its beginning: what it reads stays true until it commits."""
        with self._reading() as db:
            db.execute("BEGIN IMMEDIATE")
            yield db  # after an error the connection is closed, and SQLite rolls back
            db.execute("COMMIT")

    def _connect(self) -> sqlite3.Connection:
        if not self.path.exists():
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            # SQLite would create it with the umask's rights, and gives -wal and -shm those of the file
            self.path.touch(mode=0o600)
        db = sqlite3.connect(self.path, timeout=PATIENCE, isolation_level=None)
        try:
            db.execute("PRAGMA synchronous = FULL")
            if _version(db) != len(MIGRATIONS):
                _migrate(db, self.path)
        except BaseException:
            db.close()
            raise
        return db


def _text(run: Run) -> str:
    return codec.canonical(codec.to_data(run))


def _find(db: sqlite3.Connection, run: RunId) -> Run | None:
    row = db.execute("SELECT data FROM runs WHERE id = ?", (run,)).fetchone()
    return codec.from_data(json.loads(row[0])) if row else None


def _fact(db: sqlite3.Connection, key: str) -> str | None:
    row = db.execute("SELECT value FROM facts WHERE key = ?", (key,)).fetchone()
    return row[0] if row else None


def _fact_text(value: Any) -> str | None:
    return None if value is None else codec.canonical(value)


def _version(db: sqlite3.Connection) -> int:
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def _migrate(db: sqlite3.Connection, path: Path) -> None:
    db.execute("BEGIN")  # one snapshot: another process may be making the schema right now
    _refuse_foreign(db, path)
    db.execute("ROLLBACK")
    _use_wal(db)
    db.execute("BEGIN IMMEDIATE")
    # read again under the lock: another process may have been faster
    for statements in MIGRATIONS[_version(db) :]:
        for statement in statements:
            db.execute(statement)
    db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    db.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
    db.execute("COMMIT")


def _refuse_foreign(db: sqlite3.Connection, path: Path) -> None:
    if _version(db) > len(MIGRATIONS):
        raise Conflict(
            f"{path} was written by a newer version of al",
            hint="upgrade al-toolkit on this machine",
        )
    application = db.execute("PRAGMA application_id").fetchone()[0]
    tables = db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if tables and application != APPLICATION_ID:
        raise Conflict(
            f"{path} is somebody else's database", hint="move it away; al makes its own there"
        )


def _use_wal(db: sqlite3.Connection) -> None:
    # this pragma does not wait for its turn as statements do when several processes open a new file
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            db.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if not is_busy(error) or time.monotonic() > deadline:
                raise
        else:
            return
        time.sleep(0.01)


PLUGIN = SqliteLedger
