"""The one writer of a file in this process: a thread that commits what many ask for at the same time together.

An fsync costs more than the writing; shared by those who wait anyway, it costs each a part.  Nobody is answered before the
commit that holds his change is durable.  Processes take turns by SQLite's own lock.
"""

import atexit
import logging
import os
import sqlite3
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, TypeVar
from weakref import WeakValueDictionary

from ._sqlite_errors import meaning_of

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], Any]
Then = Callable[[Any], None]

TOGETHER = 256  # requests in one commit, at most
CLOSING = 5.0  # seconds that the end of a process waits for what is still to be written
IDLE = 2.0  # seconds without a request, after which the connection is closed and the thread ends


@dataclass(slots=True)
class Request:
    work: Work
    then: Then
    outcome: Any = None  # its answer, or the error


class Writer:
    """Made by `writer_of`.  Its thread lives while there is something to write, and a little longer."""

    def __init__(self, path: Path, connect: Callable[[], sqlite3.Connection]) -> None:
        self._path, self._connect = path, connect
        self._requests: SimpleQueue[Request | None] = SimpleQueue()
        self._guard = threading.Lock()
        self._thread: threading.Thread | None = None
        self._db: sqlite3.Connection | None = None
        self._inode: tuple[int, int] | None = None

    def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """As `File.write`; SQLite's errors come as they are."""
        answer: list[Any] = []
        done = threading.Lock()
        done.acquire()

        def answered(outcome: Any) -> None:
            answer.append(outcome)
            done.release()

        self._ask(Request(work, answered))
        done.acquire()
        if isinstance(answer[0], BaseException):
            raise answer[0]
        result: T = answer[0]
        return result

    def write_soon(
        self, work: Callable[[sqlite3.Connection], T], then: Callable[[T | BaseException], None]
    ) -> None:
        """As `File.write_soon`; errors are told as the user is to read them."""

        def answered(outcome: T | BaseException) -> None:
            told = outcome
            if isinstance(outcome, sqlite3.Error | OSError):
                told = meaning_of(outcome, self._path)
            then(told)

        self._ask(Request(work, answered))

    def close(self, *, seconds: float = CLOSING) -> bool:
        """Write what was asked for, close the file and end the thread; the next request begins anew.

        Whether that was done in so many seconds: another process may have the file to itself.  The thread goes on with it
        then, as long as the process lives; nobody was answered for what is not written."""
        with self._guard:
            thread = self._thread
            if thread is not None:
                self._requests.put(None)
        if thread is None or thread is threading.current_thread():
            return thread is None
        thread.join(seconds)
        return not thread.is_alive()

    def _ask(self, request: Request) -> None:
        with self._guard:
            self._requests.put(request)
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._serve, name=f"al-ledger {self._path}", daemon=True
                )
                self._thread.start()

    # the thread

    def _serve(self) -> None:
        while (batch := self._next()) is not None:
            self._carry_out(batch)

    def _next(self) -> Sequence[Request] | None:
        """What waits, one or more; None when the thread is to end."""
        try:
            request = self._requests.get(timeout=IDLE)
        except Empty:
            request = None
        if request is None:
            return None if self._ended() else ()
        batch = [request]
        while len(batch) < TOGETHER:
            try:
                request = self._requests.get_nowait()
            except Empty:
                break
            if request is None:
                self._requests.put(None)  # it is obeyed after this batch
                break
            batch.append(request)
        return batch

    def _ended(self) -> bool:
        """Close, unless somebody has asked for something just now."""
        with self._guard:
            if not self._requests.empty():
                return False
            self._close()
            self._thread = None
            return True

    def _carry_out(self, batch: Sequence[Request]) -> None:
        if not batch:
            return
        try:
            _commit(self._open(), batch)
        except BaseException as error:  # whoever asked gets it
            self._close()  # which takes back what was not committed
            for request in batch:
                request.outcome = error
        for request in batch:
            try:
                request.then(request.outcome)
            except Exception:
                logging.getLogger(__name__).exception("an answer of the ledger was not taken")

    def _open(self) -> sqlite3.Connection:
        """The connection; a new one when the file was moved away or replaced since."""
        if self._db is not None and self._inode != _inode(self._path):
            self._close()
        if self._db is None:
            self._db = self._connect()
            self._inode = _inode(self._path)
        return self._db

    def _close(self) -> None:
        if self._db is not None:
            self._db.close()
            self._db = None


def _commit(db: sqlite3.Connection, batch: Sequence[Request]) -> None:
    """Each request's outcome, durable.  Raises what keeps all of them from it."""
    db.execute("BEGIN IMMEDIATE")
    if not _all_at_once(db, batch):
        db.execute("ROLLBACK")
        db.execute("BEGIN IMMEDIATE")
        for request in batch:
            _apart(db, request)
    db.execute("COMMIT")


def _all_at_once(db: sqlite3.Connection, batch: Sequence[Request]) -> bool:
    """Whether all went well, as they nearly always do; a savepoint for each would cost more than many a request."""
    for request in batch:
        try:
            request.outcome = request.work(db)
        except Exception:
            if not db.in_transaction:
                raise  # SQLite has undone everything: the disk is full or broken
            return False
    return True


def _apart(db: sqlite3.Connection, request: Request) -> None:
    """One request, of which nothing stays when it fails."""
    db.execute("SAVEPOINT request")
    try:
        request.outcome = request.work(db)
    except Exception as error:
        if not db.in_transaction:
            raise
        request.outcome = error
        db.execute("ROLLBACK TO request")
    db.execute("RELEASE request")


def _inode(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


_writers: WeakValueDictionary[Path, Writer] = WeakValueDictionary()
_guard = threading.Lock()
_inherited: list[Writer] = []


def writer_of(path: Path, connect: Callable[[], sqlite3.Connection]) -> Writer:
    """The process's one writer for this file."""
    key = path.absolute()
    with _guard:
        if (writer := _writers.get(key)) is None:
            writer = _writers[key] = Writer(path, connect)
        return writer


def _let_go() -> None:
    """Before a fork: a child would inherit SQLite's own record of the locks that this process has, believe that they are
    its own, and lose what it commits once this process closes the file
    (https://www.sqlite.org/howtocorrupt.html#_carrying_an_open_database_file_across_a_fork_)."""
    for writer in list(_writers.values()):
        writer.close()


def _forget() -> None:
    """In a forked child: the parent's threads are not here, nor any connection that one of them has opened since."""
    global _writers, _guard
    _inherited.extend(_writers.values())
    _writers, _guard = WeakValueDictionary(), threading.Lock()


@atexit.register
def _close_all() -> None:
    for writer in list(_writers.values()):
        writer.close()


os.register_at_fork(before=_let_go, after_in_child=_forget)
