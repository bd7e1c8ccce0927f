"""The embedded ledger, on real files; beside it the one in memory, which obeys the same laws."""

import json
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.contracts.ledger import Container, LedgerContract, a_full_run, a_run
from tests.fakes import MemoryLedger
from toolkit.core.environment import Environment, Scope
from toolkit.core.errors import AlError, Conflict, StorageError, Unreachable
from toolkit.core.ports import Context
from toolkit.core.run import RunId, RunState
from toolkit.scheduler.ledgers import _sqlite_file as subject
from toolkit.scheduler.ledgers.sqlite import PLUGIN, SqliteLedger


@pytest.fixture
def context(tmp_path: Path) -> Context:
    environment = Environment(name="local", scope=Scope(project="p", environment="local"))
    return Context(environment=environment, home=tmp_path / "home", project=tmp_path)


@pytest.fixture
def ledger(context: Context) -> SqliteLedger:
    return PLUGIN(context)


def write(path: Path, statement: str, *values: Any) -> None:
    with closing(sqlite3.connect(path, timeout=10)) as db, db:
        db.execute(statement, values)


def as_columns(written: dict[str, Any]) -> dict[str, Any]:
    columns = {"place" if name == "where" else name: value for name, value in written.items()}
    return {n: json.dumps(v) if isinstance(v, dict) else v for n, v in columns.items()}


class TestSqlite(LedgerContract):
    """One file."""

    @pytest.fixture
    def container(self, ledger: SqliteLedger) -> Container:
        def note(run: RunId, **written: Any) -> None:
            columns = as_columns(written)
            sets = ", ".join(f"{name} = excluded.{name}" for name in columns)
            write(
                ledger.path,
                f"INSERT INTO mailbox (run, {', '.join(columns)}) VALUES (?{', ?' * len(columns)}) "  # noqa: S608
                f"ON CONFLICT (run) DO UPDATE SET {sets}",
                run,
                *columns.values(),
            )

        return note


class TestMemory(LedgerContract):
    """No file."""

    @pytest.fixture
    def ledger(self) -> MemoryLedger:
        return MemoryLedger()

    @pytest.fixture
    def container(self, ledger: MemoryLedger) -> Container:
        return ledger.note


def test_the_first_preparation_makes_the_file(ledger: SqliteLedger) -> None:
    """prepare() says whether there was none."""
    assert ledger.prepare() is True
    assert ledger.prepare() is False


def test_the_file_is_the_users_alone(ledger: SqliteLedger) -> None:
    """0600 in a 0700 directory, its write-ahead log included."""
    ledger.prepare()
    with closing(sqlite3.connect(ledger.path)) as db:
        db.execute("INSERT INTO facts VALUES ('a', '1')")
        modes = {stat.S_IMODE(p.stat().st_mode) for p in ledger.path.parent.iterdir()}
    assert modes == {0o600}
    assert stat.S_IMODE(ledger.path.parent.stat().st_mode) == 0o700


def test_writers_do_not_block_readers(ledger: SqliteLedger) -> None:
    """In WAL mode a reader sees the last committed state while another process writes."""
    ledger.set_fact("a", 1)
    with closing(sqlite3.connect(ledger.path, isolation_level=None)) as db:
        db.execute("BEGIN IMMEDIATE")
        db.execute("DELETE FROM facts")
        assert ledger.fact("a") == 1


def test_a_second_ledger_sees_what_the_first_wrote(ledger: SqliteLedger, context: Context) -> None:
    """Nothing is kept in the process."""
    run = a_full_run()
    ledger.add(run)
    assert PLUGIN(context).get(run.id) == run


CLAIM = """
import sys
from pathlib import Path
from tests.contracts.ledger import a_run, kept
from toolkit.core.environment import Environment, Scope
from toolkit.core.ports import Context
from toolkit.core.run import RunId
from toolkit.scheduler.ledgers.sqlite import PLUGIN
place = Path(sys.argv[1])
environment = Environment(name="local", scope=Scope(project="p", environment="local"))
ledger = PLUGIN(Context(environment=environment, home=place, project=place))
print([kept(lambda: ledger.add(a_run(id=RunId(f"dev-{n:08x}")))) for n in range(20)].count(True))
"""


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[list[subprocess.Popen[str]]]:
    started = [
        subprocess.Popen(
            [sys.executable, "-c", CLAIM, str(tmp_path)], stdout=subprocess.PIPE, text=True
        )
        for _ in range(3)
    ]
    yield started
    for process in started:
        process.kill()
        process.wait()


def test_processes_that_meet_a_new_file_share_it(
    processes: list[subprocess.Popen[str]], ledger: SqliteLedger
) -> None:
    """They make the schema once, and of three that record the same twenty runs, one wins each."""
    won = [int(process.communicate(timeout=60)[0]) for process in processes]
    assert sum(won) == 20
    assert len(ledger.runs()) == 20


def test_a_newer_file_is_left_alone(ledger: SqliteLedger) -> None:
    """An older al neither reads nor damages what it does not understand."""
    ledger.prepare()
    write(ledger.path, "PRAGMA user_version = 99")
    with pytest.raises(Conflict, match="newer"):
        ledger.runs()


def test_an_older_file_is_brought_forward(
    ledger: SqliteLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new version's migrations run on the data of the old one."""
    run = a_run()
    ledger.add(run)
    more = (*subject.MIGRATIONS, ("ALTER TABLE facts ADD COLUMN note TEXT",))
    monkeypatch.setattr(subject, "MIGRATIONS", more)
    assert ledger.get(run.id) == run
    with closing(sqlite3.connect(ledger.path)) as db:
        assert "note" in [row[1] for row in db.execute("PRAGMA table_info(facts)")]


def test_a_foreign_database_is_refused(ledger: SqliteLedger) -> None:
    """prepare() makes no tables in somebody else's file."""
    ledger.path.parent.mkdir()
    write(ledger.path, "CREATE TABLE theirs (x)")
    with pytest.raises(Conflict, match="somebody else's"):
        ledger.prepare()


def test_a_damaged_file_is_reported_with_its_path(ledger: SqliteLedger) -> None:
    """The message names the file; the hint says what is lost by moving it."""
    ledger.path.parent.mkdir()
    ledger.path.write_bytes(b"this is no database at all" * 100)
    with pytest.raises(AlError, match=r"action-llama\.db is damaged") as raised:
        ledger.runs()
    assert "without the history" in raised.value.hint


def test_a_directory_that_cannot_be_made_is_an_error_of_ours(ledger: SqliteLedger) -> None:
    """A file stands where the project's state belongs."""
    ledger.path.parent.write_text("")
    with pytest.raises(AlError, match="cannot be made or opened") as raised:
        ledger.prepare()
    assert ".al" in raised.value.hint


def test_a_file_that_cannot_be_written_is_an_error_of_ours(
    ledger: SqliteLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite says `attempt to write a readonly database`; we say whose rights to check."""
    ledger.prepare()
    ledger.close()
    real = sqlite3.connect

    def read_only(path: Path, **options: Any) -> sqlite3.Connection:
        return real(f"file:{path}?mode=ro", uri=True, **options)

    monkeypatch.setattr(subject.sqlite3, "connect", read_only)
    with pytest.raises(AlError, match="cannot be opened or written"):
        ledger.add(a_run())


def test_a_full_disk_is_said_and_nothing_is_half_written(
    ledger: SqliteLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite's own page limit stands for the disk's end."""
    run = a_run()
    ledger.add(run)
    real = sqlite3.connect

    def small(path: Path, **options: Any) -> sqlite3.Connection:
        db = real(path, **options)
        db.execute("PRAGMA max_page_count = 1")
        return db

    ledger.close()
    monkeypatch.setattr(subject.sqlite3, "connect", small)
    with pytest.raises(StorageError, match="disk is full"):
        ledger.update(run.id, state=RunState.RUNNING, reason="x" * 1_000_000)
    assert ledger.get(run.id) == run
    monkeypatch.setattr(subject.sqlite3, "connect", real)
    ledger.close()
    ledger.update(run.id, state=RunState.RUNNING, reason="there is room again")
    with closing(real(ledger.path)) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_writer_that_waits_too_long_may_try_again(
    ledger: SqliteLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lock that another process never gives up is a temporary error."""
    ledger.prepare()
    monkeypatch.setattr(subject, "PATIENCE", 0.05)
    with closing(sqlite3.connect(ledger.path, isolation_level=None)) as db:
        db.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unreachable, match="locked") as raised:
            ledger.set_fact("a", 1)
    assert raised.value.temporary


def test_a_record_of_a_newer_version_is_still_read(ledger: SqliteLedger) -> None:
    """A field that this version does not know is passed over."""
    run = a_run()
    ledger.add(run)
    write(ledger.path, "UPDATE runs SET data = json_set(data, '$.colour', 'blue')")
    assert ledger.get(run.id) == run
