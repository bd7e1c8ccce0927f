"""The file itself: opened, made, brought forward, read, and written through its one writer.

Reading opens a connection for as long as the operation lasts: nothing has to be closed, inherited or shared.
WAL with `synchronous=FULL`: what was answered survives a power cut (https://www.sqlite.org/pragma.html).
"""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TypeVar

from toolkit.core.errors import Conflict

from ._sqlite_errors import is_busy, translated
from ._sqlite_schema import MIGRATIONS
from ._sqlite_writer import Writer, writer_of

T = TypeVar("T")

PATIENCE = 30.0  # seconds that a writer waits for its turn
CACHE = 16_384  # KiB of pages that a connection keeps at most: the indexes of 100,000 webhooks, which are random
APPLICATION_ID = 0x616C6C67  # "allg": how we know a file of ours


class File:
    """One SQLite file, private to the user: 0600 in a 0700 directory."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def writer(self) -> Writer:
        return writer_of(self.path, self.connect)

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """One snapshot for each statement.  Raises AlError."""
        with translated(self.path), closing(self.connect()) as db:
            yield db

    def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """What `work` returns, once that is durable; all of it is done or nothing.

        What it reads stays true until then.  It may be done twice, so it changes nothing but the file.  Raises AlError."""
        with translated(self.path):
            return self.writer.write(work)

    def write_soon(
        self,
        work: Callable[[sqlite3.Connection], T],
        then: Callable[[T | BaseException], None],
    ) -> None:
        """As `write`; `then` is called from the writer's thread."""
        self.writer.write_soon(work, then)

    def connect(self) -> sqlite3.Connection:
        """A connection to a file of ours, of the present version.  Raises what SQLite and the file system raise, or Conflict."""
        if not self.path.exists():
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            # SQLite would create it with the umask's rights, and gives -wal and -shm those of the file
            self.path.touch(mode=0o600)
        db = sqlite3.connect(self.path, timeout=PATIENCE, isolation_level=None)
        try:
            db.execute("PRAGMA synchronous = FULL")
            db.execute(f"PRAGMA cache_size = -{CACHE}")
            if _version(db) != len(MIGRATIONS):
                _migrate(db, self.path)
        except BaseException:
            db.close()
            raise
        return db


def _version(db: sqlite3.Connection) -> int:
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def _migrate(db: sqlite3.Connection, path: Path) -> None:
    db.execute("BEGIN")  # one snapshot: another process may be making the schema right now
    _refuse_foreign(db, path)
    db.execute("ROLLBACK")
    db.execute(
        "PRAGMA auto_vacuum = INCREMENTAL"
    )  # of a new file; an older one is remade by `prune`
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
