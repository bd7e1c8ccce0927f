"""The embedded ledger's file: its one writer, its versions, and what is forgotten."""

import json
import os
import signal
import sqlite3
import threading
from collections.abc import Sequence
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.contracts.ledger import START, a_full_run, a_run
from tests.fakes import eventually
from toolkit.core.agent import AgentName
from toolkit.core.books import AcceptsMany
from toolkit.core.clock import iso
from toolkit.core.environment import Environment, Scope
from toolkit.core.errors import AlError, AlreadyExists, StorageError
from toolkit.core.ports import Context
from toolkit.core.run import Mailbox, Run, RunId, RunState, Trigger, TriggerKind
from toolkit.core.work import Delivery, WorkItem
from toolkit.scheduler.ledgers import _codec as codec
from toolkit.scheduler.ledgers import _sqlite_file as file
from toolkit.scheduler.ledgers import _sqlite_writer as writer
from toolkit.scheduler.ledgers.sqlite import SqliteLedger

FIRST_VERSION = (
    """CREATE TABLE runs (id TEXT PRIMARY KEY, agent TEXT NOT NULL, created TEXT NOT NULL,
                          final INTEGER NOT NULL, data TEXT NOT NULL) WITHOUT ROWID""",
    "CREATE INDEX runs_newest ON runs (created DESC, id DESC)",
    "CREATE INDEX runs_of_agent ON runs (agent, created DESC, id DESC)",
    "CREATE INDEX runs_active ON runs (created DESC, id DESC) WHERE final = 0",
    """CREATE TABLE mailbox (run TEXT PRIMARY KEY, claimed TEXT, claimer TEXT, place TEXT, read TEXT,
                             burned TEXT, stop INTEGER, report TEXT, status TEXT)""",
    "CREATE TABLE facts (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    "PRAGMA application_id = 0x616C6C67",
    "PRAGMA user_version = 1",
    "PRAGMA journal_mode = WAL",
)


@pytest.fixture
def ledger(tmp_path: Path) -> SqliteLedger:
    environment = Environment(name="local", scope=Scope(project="p", environment="local"))
    return SqliteLedger(Context(environment=environment, home=tmp_path, project=tmp_path))


def ask(ledger: SqliteLedger, query: str) -> list[Any]:
    with closing(sqlite3.connect(ledger.path)) as db:
        return db.execute(query).fetchall()


def old_file(path: Path, runs: Sequence[Run]) -> None:
    """As the first version left it."""
    path.parent.mkdir()
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        for statement in FIRST_VERSION:
            db.execute(statement)
        rows = [
            (r.id, r.agent, r.created, r.state.final, json.dumps(codec.to_data(r))) for r in runs
        ]
        db.executemany("INSERT INTO runs VALUES (?, ?, ?, ?, ?)", rows)
        db.execute("INSERT INTO mailbox (run, stop) VALUES (?, 1)", (runs[0].id,))
        db.execute("INSERT INTO facts VALUES ('applied', '1')")


def a_delivery(name: str, **fields: Any) -> Delivery:
    known = {"received": iso(START), "delivery": name, "body": b"x" * 8_000} | fields
    return Delivery(id=name, source="github", **known)


def work_for(run: Run) -> tuple[Run, WorkItem, int]:
    trigger = Trigger(agent=AgentName(run.agent), kind=TriggerKind.WEBHOOK)
    return run, WorkItem(run=run.id, trigger=trigger, created=run.created), 100


# versions


def test_a_file_of_the_first_version_keeps_what_is_in_it(ledger: SqliteLedger) -> None:
    """Runs, mailboxes and facts are there after the upgrade, and the books can be used."""
    over, waiting = a_full_run(), a_run(after=9)
    old_file(ledger.path, [over, waiting])
    assert list(ledger.runs()) == [waiting, over]
    assert list(ledger.runs(active=True)) == [waiting]
    assert ledger.mailbox(over.id) == Mailbox(stop=True)
    assert ledger.fact("applied") == 1
    ledger.queue.add(*work_for(new := a_run(after=10))[:2], most=5)
    assert [item.run for item in ledger.queue.waiting()] == [new.id]
    assert ask(ledger, "SELECT agent, ok, duration_ms FROM history") == [("dev", 0, 5000)]


def test_an_upgrade_that_is_interrupted_changes_nothing(
    ledger: SqliteLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is of one version or the other."""
    run = a_run()
    old_file(ledger.path, [run])
    broken = (file.MIGRATIONS[0], (*file.MIGRATIONS[1], "CREATE TABLE runs (x)"))
    with monkeypatch.context() as patched:
        patched.setattr(file, "MIGRATIONS", broken)
        with pytest.raises(sqlite3.OperationalError):
            ledger.get(run.id)
    assert ask(ledger, "PRAGMA user_version") == [(1,)]
    assert ledger.get(run.id) == run


def test_a_file_of_the_first_version_can_become_smaller(ledger: SqliteLedger) -> None:
    """It is remade once, when something is forgotten for the first time."""
    old_file(ledger.path, [a_run(state=RunState.LOST, reason="x" * 9_000) for _ in range(100)])
    ledger.prepare()
    before = ledger.path.stat().st_size
    assert ledger.prune(START + timedelta(days=1)) == 100
    ledger.close()
    assert ledger.path.stat().st_size < before / 2


# the writer


def test_the_ledger_accepts_many_at_once(ledger: SqliteLedger) -> None:
    """Each is answered from another thread, once, and is there then."""
    assert isinstance(ledger.deliveries, AcceptsMany)
    answers: list[Any] = []
    for number in range(50):
        work = [work_for(a_run(after=number))]
        ledger.deliveries.accept_soon(a_delivery(f"d{number}"), work, answers.append)
    eventually(lambda: len(answers) == 50)
    assert [answer.receipt for answer in answers] == [f"d{number}" for number in range(50)]
    assert ledger.queue.lengths() == {"dev": 50}


def test_the_end_of_a_process_waits_for_others_a_limited_time(ledger: SqliteLedger) -> None:
    """Another has the file to itself: what was asked for is written once it has let go, and answered only then."""
    ledger.prepare()
    answers: list[Any] = []
    with closing(sqlite3.connect(ledger.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        ledger.deliveries.accept_soon(a_delivery("late"), [], answers.append)
        hurried = writer.writer_of(ledger.path, file.File(ledger.path).connect)
        assert hurried.close(seconds=0.05) is False
        assert answers == []
    eventually(lambda: answers)
    assert hurried.close() is True
    assert ledger.deliveries.get(answers[0].receipt) is not None


def test_what_a_forked_child_writes_lasts(ledger: SqliteLedger) -> None:
    """Though its parent had the file open when it was made, and closes it while the child is at it."""
    ledger.set_fact("before", 1)
    (from_child, to_parent), (from_parent, to_child) = os.pipe(), os.pipe()
    if (child := os.fork()) == 0:
        for fact in ("first", "second"):
            ledger.set_fact(fact, 1)
            os.write(to_parent, b".")
            os.read(from_parent, 1)
        os._exit(0)
    try:
        os.read(from_child, 1)
        ledger.close()
        os.write(to_child, b".")
        os.read(from_child, 1)
        assert ledger.facts("") == {"before": 1, "first": 1, "second": 1}
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        for end in (from_child, to_parent, from_parent, to_child):
            os.close(end)


def test_those_who_ask_together_share_a_commit(ledger: SqliteLedger) -> None:
    """While one is being written, the others gather: 50 need far less than 50 commits."""
    ledger.prepare()
    hold, answers, before = threading.Event(), list[Any](), list[Any]()
    ledger.deliveries.accept_soon(a_delivery("first"), [], lambda _: before.append(hold.wait(20)))
    for number in range(50):
        ledger.deliveries.accept_soon(a_delivery(f"d{number}"), [], answers.append)
    with closing(sqlite3.connect(ledger.path)) as db:
        hold.set()
        assert counts(db, until=51) <= {0, 1, 51}
    eventually(lambda: len(answers) == 50)


def counts(db: sqlite3.Connection, *, until: int) -> set[int]:
    """How many deliveries there were, whenever somebody looked."""
    found: list[int] = []

    def look() -> bool:
        found.append(db.execute("SELECT count(*) FROM deliveries").fetchone()[0])
        return found[-1] >= until

    eventually(look)
    return set(found)


def test_one_that_is_refused_spoils_nothing_for_the_others(ledger: SqliteLedger) -> None:
    """A mistake among those who are written together is one's own."""
    known = a_delivery("known")
    ledger.deliveries.accept(known, [])
    answers: dict[str, Any] = {}
    for one in (a_delivery("a"), a_delivery("known", delivery="other"), a_delivery("b")):
        name = one.delivery or ""
        ledger.deliveries.accept_soon(
            one, [], lambda answer, name=name: answers.update({name: answer})
        )
    eventually(lambda: len(answers) == 3)
    assert isinstance(answers["other"], AlreadyExists)
    assert ledger.deliveries.get("a") is not None
    assert ledger.deliveries.get("b") is not None


def test_an_answer_that_nobody_takes_does_not_stop_the_writer(
    ledger: SqliteLedger, caplog: pytest.LogCaptureFixture
) -> None:
    """The gateway's loop may be gone by the time; it is logged, and the next is served."""

    def gone(_: object) -> None:
        raise RuntimeError("the loop is closed")

    ledger.deliveries.accept_soon(a_delivery("a"), [], gone)
    assert ledger.deliveries.accept(a_delivery("b"), []).receipt == "b"
    assert "was not taken" in caplog.text


def test_a_full_disk_is_told_to_all_who_wait(
    ledger: SqliteLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of theirs is kept; when there is room again, they go on."""
    ledger.prepare()
    ledger.close()
    real = sqlite3.connect

    def small(path: Path, **options: Any) -> sqlite3.Connection:
        db = real(path, **options)
        db.execute("PRAGMA max_page_count = 1")
        return db

    answers: list[Any] = []
    with monkeypatch.context() as patched:
        patched.setattr(file.sqlite3, "connect", small)
        for number in range(20):
            one = a_delivery(f"d{number}", body=b"x" * 200_000)
            ledger.deliveries.accept_soon(one, [work_for(a_run())], answers.append)
        eventually(lambda: len(answers) == 20)
    told = {type(answer) for answer in answers}
    kept = ledger.deliveries.list().total
    assert StorageError in told
    assert kept == sum(not isinstance(answer, AlError) for answer in answers) < 20
    assert len(ledger.runs()) == kept
    ledger.close()
    assert ledger.deliveries.accept(a_delivery("again"), []).duplicate_of is None


def test_a_file_that_was_moved_away_is_made_anew(ledger: SqliteLedger) -> None:
    """The writer does not go on in a file that nobody will find."""
    ledger.set_fact("a", 1)
    ledger.path.rename(ledger.path.with_suffix(".old"))
    ledger.set_fact("b", 2)
    assert ledger.facts("") == {"b": 2}


def test_a_file_that_is_damaged_later_says_so_and_is_replaced(ledger: SqliteLedger) -> None:
    """The remedy works without a restart."""
    ledger.set_fact("a", 1)
    ledger.close()
    ledger.path.write_bytes(b"no database any more" * 1_000)
    with pytest.raises(AlError, match="is damaged") as raised:
        ledger.set_fact("b", 2)
    assert "move it away" in raised.value.hint
    ledger.path.unlink()
    ledger.set_fact("b", 2)
    assert ledger.facts("") == {"b": 2}


def test_a_forked_process_has_a_writer_of_its_own(ledger: SqliteLedger) -> None:
    """It neither waits for the parent's thread nor uses its connection; the parent goes on."""
    ledger.set_fact("a", 1)
    if (child := os.fork()) == 0:
        ledger.set_fact("b", 2)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    ledger.set_fact("c", 3)
    assert ledger.facts("") == {"a": 1, "b": 2, "c": 3}


def test_the_writer_ends_when_there_is_nothing_to_do(
    ledger: SqliteLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No thread and no open file is left behind, and the log is copied into the file; the next request begins anew."""
    monkeypatch.setattr(writer, "IDLE", 0.05)
    ledger.set_fact("a", 1)
    log = ledger.path.with_name(ledger.path.name + "-wal")
    eventually(lambda: not log.exists())
    ledger.set_fact("b", 2)
    assert ledger.facts("") == {"a": 1, "b": 2}


# forgetting


def test_what_is_forgotten_makes_the_file_smaller(ledger: SqliteLedger) -> None:
    """With its mailboxes and bodies; in several steps."""
    for number in range(600):
        ledger.deliveries.accept_soon(a_delivery(f"d{number}"), [], lambda answer: None)
    ledger.add(a_run(state=RunState.SUCCEEDED))
    ledger.request_stop(ledger.runs()[0].id)
    ledger.close()
    before = ledger.path.stat().st_size
    assert ledger.prune(START + timedelta(days=1)) == 601
    ledger.close()
    assert ledger.path.stat().st_size < before / 4
    assert ask(ledger, "SELECT count(*) FROM mailbox UNION ALL SELECT count(*) FROM history") == [
        (0,),
        (0,),
    ]


def test_a_run_that_the_queue_still_knows_is_not_forgotten(ledger: SqliteLedger) -> None:
    """It has to be settled first, and so is the delivery that asked for it."""
    run = a_run(delivery="d")
    trigger = Trigger(agent=run.agent, kind=TriggerKind.WEBHOOK, delivery="d")
    item = WorkItem(run=run.id, trigger=trigger, created=run.created)
    ledger.deliveries.accept(a_delivery("d"), [(run, item, 5)])
    ledger.update(run.id, state=RunState.FAILED)
    assert ledger.prune(START + timedelta(days=1)) == 0
    ledger.queue.done(run.id)
    assert ledger.prune(START + timedelta(days=1)) == 2
    assert ledger.get(RunId(run.id)) is None
