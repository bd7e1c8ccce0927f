"""Work that waits, in the embedded ledger: core.books.Queue.

However long the queue is, no step here takes longer: the file keeps its lengths and heads in `lines` (see the schema).
"""

import sqlite3
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from toolkit.core.clock import iso
from toolkit.core.errors import RunTaken
from toolkit.core.run import Cause, Run, RunId, RunState
from toolkit.core.work import Added, Rooms, WorkItem

from . import _sqlite_runs as runs
from ._sqlite_file import File
from ._sqlite_values import HELD, ITEM, STARTED, item_of, work_text

_OF_RUN = "number = (SELECT number FROM runs WHERE id = ?)"
Entry = tuple[WorkItem, Sequence[Any], str, int]  # with the run's row, the work as text, and `most`


class SqliteQueue:
    """core.books.Queue."""

    def __init__(self, file: File) -> None:
        self._file = file

    def add(self, run: Run, item: WorkItem, *, most: int) -> Added:
        entry = entry_of(run, item, most)
        return self._file.write(lambda db: add(db, entry))

    def take(
        self, holder: str, rooms: Rooms, *, seconds: float, moment: datetime
    ) -> WorkItem | None:
        now, until = iso(moment), iso(moment + timedelta(seconds=seconds))

        def taken(db: sqlite3.Connection) -> WorkItem | None:
            if (number := _next(db, rooms, now)) is None:
                return None
            # who takes over what another let go goes on with the same attempt
            query = f"UPDATE queue SET state = {HELD}, holder = ?, until = ?, attempts = attempts + (state = 0) WHERE number = ? RETURNING {ITEM}"  # noqa: S608
            (row,) = db.execute(query, (holder, until, number)).fetchall()
            return item_of(row)

        return self._file.write(taken)

    def renew(
        self, run: RunId, holder: str, *, seconds: float, moment: datetime, failed: bool = False
    ) -> bool:
        until = iso(moment + timedelta(seconds=seconds))
        counted = ", attempts = attempts + 1" if failed else ""
        return self._held(f"until = ?{counted}", (until,), run, holder, unless_over=iso(moment))

    def started(self, run: RunId, holder: str) -> bool:
        return self._held(f"state = {STARTED}, holder = NULL, until = NULL", (), run, holder)

    def give_back(
        self, run: RunId, holder: str, *, not_before: datetime, tried: bool = True
    ) -> bool:
        changes = "state = 0, holder = NULL, until = NULL, not_before = ?"
        spared = "" if tried else ", attempts = attempts - 1"
        return self._held(f"{changes}{spared}", (iso(not_before),), run, holder)

    def done(self, run: RunId) -> bool:
        query = f"DELETE FROM queue WHERE {_OF_RUN}"  # noqa: S608 - our own constant
        return self._file.write(lambda db: db.execute(query, (run,)).rowcount == 1)

    def get(self, run: RunId) -> WorkItem | None:
        found = self._items(_OF_RUN, (run,))
        return found[0] if found else None

    def waiting(self, agent: str | None = None, *, limit: int = 100) -> Sequence[WorkItem]:
        whose = "agent = ? AND " if agent is not None else ""
        first = f"SELECT number FROM queue WHERE {whose}state = 0 ORDER BY place LIMIT ?"  # noqa: S608 - our own constants
        values = (max(limit, 0),) if agent is None else (agent, max(limit, 0))
        return self._items(f"number IN ({first})", values)

    def at_work(self) -> Sequence[WorkItem]:
        return self._items("state > 0", ())

    def lengths(self) -> Mapping[str, int]:
        with self._file.reading() as db:
            return dict(db.execute("SELECT agent, waiting FROM lines WHERE waiting > 0"))

    def _held(
        self, changes: str, values: tuple[str, ...], run: RunId, holder: str, unless_over: str = ""
    ) -> bool:
        query = f"UPDATE queue SET {changes} WHERE {_OF_RUN} AND holder = ? AND state = {HELD} AND until > ?"  # noqa: S608 - our own constants
        everything = (*values, run, holder, unless_over)
        return self._file.write(lambda db: db.execute(query, everything).rowcount == 1)

    def _items(self, where: str, values: tuple[Any, ...]) -> Sequence[WorkItem]:
        query = f"SELECT {ITEM} FROM queue WHERE {where} ORDER BY place"  # noqa: S608 - our own constants
        with self._file.reading() as db:
            return tuple(item_of(row) for row in db.execute(query, values))


def entry_of(run: Run, item: WorkItem, most: int) -> Entry:
    """What `add` writes, put into words before anybody waits for it."""
    return item, runs.row_of(run), work_text(item.trigger), most


def add(db: sqlite3.Connection, entry: Entry, *, new: bool = False) -> Added:
    """One step of a transaction; as core.books.Queue.add.  Raises RunTaken for a run that is known, if it should be `new`."""
    item, run, work, most = entry
    name, agent, *_ = run
    if item.once and (waits := _waits_already(db, item)) is not None:
        return Added(run=waits, joined=waits != item.run)  # nothing to join for the same one again
    if (number := runs.added(db, run)) is None:
        if new:
            raise RunTaken(f"{item.run} is another run", hint="allocate another run id")
        return Added(run=item.run)
    dropped = _make_room(db, item, most)
    query = """INSERT INTO queue (number, run, agent, once, created, place, not_before, attempts, work)
               VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"""
    place = f"{item.created} {number:019}"  # of one millisecond, who came first goes first
    what = (name, agent, item.once, item.created, place, item.not_before, item.attempts)
    db.execute(query, (number, *what, work))
    return Added(run=item.run, dropped=dropped)


def _waits_already(db: sqlite3.Connection, item: WorkItem) -> RunId | None:
    query = "SELECT run FROM queue WHERE agent = ? AND once = ? AND state = 0 AND once <> '' ORDER BY place LIMIT 1"
    row = db.execute(query, (item.agent, item.once)).fetchone()
    return RunId(row[0]) if row else None


def _make_room(db: sqlite3.Connection, item: WorkItem, most: int) -> tuple[RunId, ...]:
    agent = str(item.agent)
    row = db.execute("SELECT waiting FROM lines WHERE agent = ?", (agent,)).fetchone()
    too_many = (row[0] if row else 0) - most + 1
    if too_many <= 0:
        return ()
    query = "SELECT number, run FROM queue WHERE agent = ? AND state = 0 ORDER BY place LIMIT ?"
    oldest = db.execute(query, (agent, too_many)).fetchall()
    for number, run in oldest:
        db.execute("DELETE FROM queue WHERE number = ?", (number,))
        runs.change(db, RunId(run), _dropped(item.created))
    return tuple(RunId(run) for _, run in oldest)


def _dropped(moment: str) -> Mapping[str, Any]:
    return {
        "state": RunState.FAILED,
        "cause": Cause.DROPPED,
        "finished": moment,
        "reason": "newer work took its place in a full queue",
    }


def _next(db: sqlite3.Connection, rooms: Rooms, now: str) -> int | None:
    """The number of the item that may be taken now."""
    if not rooms.agents:
        return None
    if (abandoned := _abandoned(db, rooms, now)) is not None:
        return abandoned
    at_work = dict(db.execute("SELECT agent, working FROM lines WHERE working > 0"))
    if rooms.total is not None and sum(at_work.values()) >= rooms.total:
        return None
    room = {a for a, most in rooms.agents.items() if at_work.get(a, 0) < most}
    return _oldest(db, room, now)


def _abandoned(db: sqlite3.Connection, rooms: Rooms, now: str) -> int | None:
    """What nobody holds any more goes first, into the room that it never left: its run may have begun.

    That of agents which may start nothing waits again."""
    held = "SELECT number, agent FROM queue WHERE state = 1 AND until <= ? ORDER BY place"
    free = "UPDATE queue SET state = 0, holder = NULL, until = NULL, attempts = max(attempts - 1, 0) WHERE number = ?"
    for number, agent in db.execute(held, (now,)).fetchall():
        if rooms.agents.get(agent, 0) > 0:
            return int(number)
        db.execute(free, (number,))
    return None


def _oldest(db: sqlite3.Connection, room: set[str], now: str) -> int | None:
    """The oldest due item of those agents: nearly always the first of the first line."""
    heads = "SELECT head, agent FROM lines WHERE waiting > 0 ORDER BY head, agent"
    first_due = """SELECT place, number FROM queue WHERE agent = ? AND state = 0 AND (not_before IS NULL OR not_before <= ?)
                   ORDER BY place LIMIT 1"""
    best: tuple[str, int] | None = None
    for head, agent in db.execute(heads):
        if best is not None and head > best[0]:
            break
        if agent in room and (found := db.execute(first_due, (agent, now)).fetchone()):
            best = found if best is None else min(best, found)
    return best[1] if best else None
