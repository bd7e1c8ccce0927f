"""What SQLite's result codes mean to the user (https://www.sqlite.org/rescode.html)."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from toolkit.core.errors import AlError, StorageError, Unreachable

_DENIED = (StorageError, "cannot be opened or written", "check the owner and mode of {directory}")
_DAMAGED = (
    StorageError,
    "is damaged or is no database",
    "move it away; al begins a new one, without the history",
)
_BUSY = (
    Unreachable,
    "is locked by another process",
    "try again; if it stays so, look which process has the file open",
)
_MEANING: dict[int, tuple[type[AlError], str, str]] = {
    sqlite3.SQLITE_PERM: _DENIED,
    sqlite3.SQLITE_READONLY: _DENIED,
    sqlite3.SQLITE_CANTOPEN: _DENIED,
    sqlite3.SQLITE_AUTH: _DENIED,
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    sqlite3.SQLITE_NOTADB: _DAMAGED,
    sqlite3.SQLITE_BUSY: _BUSY,
    sqlite3.SQLITE_LOCKED: _BUSY,
    sqlite3.SQLITE_PROTOCOL: _BUSY,
    sqlite3.SQLITE_FULL: (StorageError, "cannot grow: the disk is full", "free some space"),
    sqlite3.SQLITE_IOERR: (
        StorageError,
        "could not be read or written: input/output error",
        "check the disk under {directory}",
    ),
}


def primary_code(error: sqlite3.Error) -> int:
    """The primary result code: the low byte of an extended one; 0 when Python made the error itself."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def is_busy(error: sqlite3.Error) -> bool:
    return primary_code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """SQLite's and the file system's errors as ours; one that we do not know passes through untouched."""
    try:
        yield
    except sqlite3.Error as error:
        if (meaning := _MEANING.get(primary_code(error))) is None:
            raise
        kind, what, hint = meaning
        raise kind(f"{path} {what}", hint=hint.format(directory=path.parent)) from error
    except OSError as error:
        raise StorageError(
            f"{path} cannot be made or opened: {error.strerror}",
            hint=f"check the owner and mode of {path.parent}",
        ) from error


def meaning_of(error: sqlite3.Error | OSError, path: Path) -> BaseException:
    """`error` as `translated` would raise it."""
    try:
        with translated(path):
            raise error
    except BaseException as told:  # it is the answer
        return told
