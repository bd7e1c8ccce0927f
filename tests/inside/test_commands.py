"""The commands that leave signals, as an agent's shell runs them: the real launchers, their output and exit codes."""

import os
import subprocess
from pathlib import Path

import pytest

from toolkit.inside.commands.launchers import launchers
from toolkit.inside.signals import MOST_RETURN, MOST_STATUS, Signals

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def commands(tmp_path: Path) -> Path:
    """An /app with bin and lib."""
    (tmp_path / "app" / "bin").mkdir(parents=True)
    (tmp_path / "app" / "lib").symlink_to(REPOSITORY)
    for name, content in launchers().items():
        (tmp_path / "app" / "bin" / name).write_bytes(content)
        (tmp_path / "app" / "bin" / name).chmod(0o755)
    return tmp_path / "app" / "bin"


@pytest.fixture
def signals(tmp_path: Path) -> Signals:
    (tmp_path / "signals").mkdir()
    return Signals(tmp_path / "signals")


def call(
    commands: Path, signals: Signals | None, *words: str, stdin: bytes = b""
) -> tuple[int, bytes, bytes]:
    env = {"PATH": f"{commands}:{os.environ['PATH']}"}
    env |= {"AL_SIGNAL_DIR": str(signals.directory)} if signals else {}
    done = subprocess.run(words, env=env, input=stdin, capture_output=True, check=False)
    return done.returncode, done.stdout, done.stderr


OK = (0, b'{"ok":true}\n', b"")


def test_the_launchers_are_all_there(commands: Path) -> None:
    """One script for each command of an agent."""
    assert sorted(p.name for p in commands.iterdir()) == [
        "al-call", "al-check", "al-exit", "al-rerun", "al-return", "al-scan", "al-shutdown", "al-status", "al-subagent",
        "al-subagent-check", "al-subagent-wait", "al-wait", "rlock", "rlock-heartbeat", "runlock",
    ]  # fmt: skip


def test_al_rerun_leaves_its_mark(commands: Path, signals: Signals) -> None:
    assert call(commands, signals, "al-rerun") == OK
    assert signals.rerun


def test_al_status_keeps_its_words(commands: Path, signals: Signals) -> None:
    assert call(commands, signals, "al-status", "reviewing", "PR 12") == OK
    assert signals.status == "reviewing PR 12"


def test_al_status_without_words_is_wrong_use(commands: Path, signals: Signals) -> None:
    """9, with what to type."""
    code, out, err = call(commands, signals, "al-status", "  ")
    assert (code, out) == (9, b"")
    assert b"al-status" in err
    assert signals.status is None


def test_al_return_takes_words_or_input(commands: Path, signals: Signals) -> None:
    """Words win; without them it is what is piped in, without its last newline."""
    assert call(commands, signals, "al-return", "a", "b") == OK
    assert signals.answer == "a b"
    assert call(commands, signals, "al-return", stdin='{"x": "é"}\n'.encode()) == OK
    assert signals.answer == '{"x": "é"}'


def test_a_return_value_that_is_too_large_is_refused(commands: Path, signals: Signals) -> None:
    """A report is one DynamoDB item of at most 400 KB
    (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html)."""
    code, _, err = call(commands, signals, "al-return", stdin=b"x" * (MOST_RETURN + 2))
    assert code == 9
    assert b"262,144 bytes" in err
    assert signals.answer is None


def test_al_exit_has_a_default_and_a_range(commands: Path, signals: Signals) -> None:
    """15 when no code is given; no code that a process cannot have."""
    assert call(commands, signals, "al-exit") == OK
    assert signals.exit_code == 15
    assert call(commands, signals, "al-exit", "3") == OK
    assert signals.exit_code == 3
    assert call(commands, signals, "al-exit", "256")[0] == 9
    assert call(commands, signals, "al-exit", "-1")[0] == 9
    assert signals.exit_code == 3


@pytest.mark.parametrize("name", ["al-exit", "al-rerun", "al-return", "al-status"])
def test_outside_of_a_run_a_command_says_so(commands: Path, name: str) -> None:
    """9, and no traceback."""
    code, out, err = call(commands, None, name, "3")
    assert (code, out) == (9, b"")
    assert err.startswith(b"error: this is not inside a run")


def test_files_that_an_agent_writes_itself_are_taken_with_care(signals: Signals) -> None:
    """Not a number, no text, a directory, too much: none of it stops the run."""
    (signals.directory / "exit").write_text("soon")
    (signals.directory / "status").write_bytes(b"\xff" + b"x" * 9000)
    (signals.directory / "return").write_bytes(b"x" * (MOST_RETURN + 1))
    assert signals.exit_code is None
    assert len(signals.status or "") <= 4 * MOST_STATUS
    assert signals.answer is None
    (signals.directory / "exit").unlink()
    (signals.directory / "exit").mkdir()
    assert signals.exit_code is None
