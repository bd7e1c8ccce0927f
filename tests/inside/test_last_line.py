"""`run completed` is a run's last line, however it ends, and everything that its processes printed is before it."""

import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.inside.stage import Stage
from tests.inside.waiting import until
from toolkit.core.run import RunId
from toolkit.inside.lines import Log
from toolkit.inside.processes import Family

LAST = "run completed"


def without_its_secret(stage: Stage, run: RunId) -> None:
    stage.secrets.delete(stage.secret_name(run))


def without_its_files(stage: Stage, _run: RunId) -> None:
    (stage.static / "agent-config.json").unlink()


def without_room(stage: Stage, _run: RunId) -> None:
    stage.environ["TMPDIR"] = "/proc/no-such-place"


def without_its_ledger_at_the_end(stage: Stage, _run: RunId) -> None:
    stage.script(f"rm {stage.ledger.path}*; mkdir {stage.ledger.path}")


def without_a_table_at_the_end(stage: Stage, _run: RunId) -> None:
    drop = f"import sqlite3; sqlite3.connect('{stage.ledger.path}').execute('drop table mailbox')"
    stage.script(f'python3 -c "{drop}"')


def at_its_timeout(stage: Stage, _run: RunId) -> None:
    stage.configure(timeout=1)
    stage.script("echo begun; sleep 60")


def asked_to_stop(stage: Stage, run: RunId) -> None:
    stage.script("echo begun; sleep 60")
    stage.ledger.request_stop(run)


def with_a_late_daemon(stage: Stage, _run: RunId) -> None:
    stage.script("(while :; do echo still here; done) & echo begun")


@pytest.mark.parametrize(
    "ending",
    [
        without_its_secret,
        without_its_files,
        without_room,
        without_its_ledger_at_the_end,
        without_a_table_at_the_end,
        at_its_timeout,
        asked_to_stop,
        with_a_late_daemon,
    ],
)
def test_every_run_has_its_last_line_last(
    stage: Stage, ending: Callable[[Stage, RunId], None]
) -> None:
    """Who follows a log stops there, so it comes once, and nothing of the run comes behind it."""
    stage.script("echo working")
    run = stage.new_run()
    ending(stage, run)
    done = stage.run(run)
    assert done.messages[-1] == LAST
    assert done.messages.count(LAST) == 1
    assert done.errors == ""
    assert done.lines[-1]["exitCode"] == done.code


def test_what_was_printed_before_a_stop_is_in_the_log(stage: Stage) -> None:
    """All that the pipe held, to the last line that has no end; nobody reads the log until the run is stopped."""
    stage.script(f"seq 8000; printf 'and this'; touch {stage.root}/written; sleep 60")
    process = stage.start(stage.new_run())
    until((stage.root / "written").exists)
    process.send_signal(signal.SIGTERM)
    done = stage.finish(process)
    assert done.code == 143
    assert done.output == [*map(str, range(1, 8001)), "and this"]
    assert done.messages[-1] == LAST


def test_the_last_words_before_a_timeout_are_in_the_log(stage: Stage) -> None:
    """A line that was not finished, on either stream, and what a hook's daemon said."""
    stage.configure(timeout=3, hooks={"pre": ["(printf daemon; sleep 60) &"]})
    stage.script("printf out; printf err >&2; sleep 60")
    done = stage.run()
    assert sorted(done.output) == ["daemon", "err", "out"]
    assert done.messages[-1] == LAST


def test_the_last_line_waits_for_a_log_that_is_slow(tmp_path: Path) -> None:
    """What a process has printed is not given up because whoever takes the log was busy when it ended."""
    printed, busy = list[bytes](), threading.Event()

    def write(line: bytes) -> None:
        busy.wait(60)
        printed.append(line)

    family = Family(Log("r", write=write))
    family.finish(family.start(("seq", "500"), cwd=tmp_path, env=dict(os.environ)))
    assert printed == []
    busy.set()
    family.settle()
    assert len(printed) == 500


def test_output_that_does_not_end_does_not_keep_the_run(tmp_path: Path) -> None:
    """It waits for some seconds, and says that something is missing."""
    printed = list[bytes]()
    family = Family(Log("r", write=printed.append))
    holder = family.start(("sleep", "60"), cwd=tmp_path, env=dict(os.environ))
    family.settle()
    assert b"is missing" in printed[0]
    holder.kill()
    family.finish(holder)
