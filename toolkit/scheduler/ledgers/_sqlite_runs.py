"""The rows of runs, for whoever writes in a transaction: the ledger itself, its queue and its deliveries."""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields
from operator import attrgetter
from typing import Any

from toolkit.core.run import Run, RunId

from . import _codec as codec
from ._sqlite_schema import HISTORY_OF

Row = Sequence[Any]
_NAMES = tuple(field.name for field in fields(Run))
_DEFAULTS = tuple(
    f.default if f.default_factory is MISSING else f.default_factory() for f in fields(Run)
)
_values = attrgetter(*_NAMES)
_FINAL = 3  # its place in a row
_WRITE = json.JSONEncoder(
    separators=(",", ":"), ensure_ascii=False, allow_nan=False, default=codec.plain
).encode


def row_of(run: Run) -> Row:
    """Of plain texts: for a `str` of another class sqlite3 first looks for an adapter, which takes as long as a small insert."""
    return (str(run.id), str(run.agent), run.created, run.state.final, _text(run))


def added(db: sqlite3.Connection, row: Row) -> int | None:
    """The number of the new row, or None: a run that is known stays as it is."""
    query = "INSERT INTO runs (id, agent, created, final, data) VALUES (?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING"
    done = db.execute(query, row)
    if done.rowcount != 1:
        return None
    if row[_FINAL]:
        _remember(db, row[0])
    return done.lastrowid


def find(db: sqlite3.Connection, run: RunId) -> Run | None:
    row = db.execute("SELECT data FROM runs WHERE id = ?", (run,)).fetchone()
    return run_of(row[0]) if row else None


def run_of(text: str) -> Run:
    return codec.from_data(json.loads(text))


def change(db: sqlite3.Connection, run: RunId, changes: Mapping[str, Any]) -> Run | None:
    """The run as it is from now on; None when there is no such run."""
    if (record := find(db, run)) is None:
        return None
    new = codec.changed(record, changes)
    if new != record:
        query = "UPDATE runs SET final = ?, data = ? WHERE id = ?"
        db.execute(query, (new.state.final, _text(new), run))
        if new.state.final:
            _remember(db, run)
    return new


def _remember(db: sqlite3.Connection, run: str) -> None:
    """Keep the row of `history`, which is made of the run's JSON."""
    db.execute(f"INSERT OR REPLACE INTO history {HISTORY_OF} FROM runs WHERE id = ?", (run,))


def _text(run: Run) -> str:
    """Without what is as it is by default: most of a new run is."""
    known = zip(_NAMES, _values(run), _DEFAULTS, strict=True)
    # most are the default itself; to ask that first is quicker than to compare
    kept = {name: value for name, value, usual in known if value is not usual and value != usual}
    return _WRITE(kept)
