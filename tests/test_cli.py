"""The frame of `al`: verbs by file name, errors as text and exit codes, stdout for answers only."""

import subprocess
import sys
from pathlib import Path

import click
import pytest

from toolkit import cli
from toolkit.commands._app import Exit
from toolkit.core.errors import ConfigError, DriftFound, NotFound


def al(
    *words: str, cwd: Path, given: str = "", **variables: str
) -> subprocess.CompletedProcess[str]:
    """The real program in a process of its own."""
    environment = {"PATH": "/usr/bin:/bin", "AL_HOME": str(cwd / "home"), **variables}
    command = [sys.executable, "-m", "toolkit.cli", *words]
    return subprocess.run(
        command, cwd=cwd, env=environment, input=given, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("verb", cli.verbs())
def test_every_verb_has_help(verb: str, tmp_path: Path) -> None:
    """`al VERB --help` answers on stdout, with a summary in `al --help` too."""
    asked = al(verb, "--help", cwd=tmp_path)
    assert asked.returncode == 0
    assert asked.stdout.startswith("Usage: al")
    assert cli.summary(verb).endswith(".")


def test_an_unknown_verb_names_the_nearest(tmp_path: Path) -> None:
    """A slip of the finger costs one look."""
    asked = al("psh", cwd=tmp_path)
    assert asked.returncode == 2
    assert asked.stderr.splitlines() == [
        "error: no command named 'psh'",
        "  → did you mean 'push'?",
    ]
    assert asked.stdout == ""


def test_an_unknown_option_is_wrong_use(tmp_path: Path) -> None:
    """click's own complaints end with 2 and go to stderr."""
    asked = al("push", "--colour", cwd=tmp_path)
    assert asked.returncode == 2
    assert "No such option" in asked.stderr


def _raises(error: BaseException) -> int:
    def call() -> None:
        raise error

    return cli.run(call)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigError("a", hint="b"), 2),
        (NotFound("a", hint="b"), 1),
        (DriftFound("a", hint="b"), 3),
        (KeyboardInterrupt(), 130),
        (click.Abort(), 130),
        (click.UsageError("a"), 2),
        (Exit(42), 42),
        (ValueError("a"), 1),
    ],
)
def test_each_kind_of_error_has_its_exit_code(error: BaseException, code: int) -> None:
    """0 success, 1 an error, 2 wrong use or configuration, 3 drift, 130 interrupted, and the agent's own."""
    assert _raises(error) == code


def test_a_deliberate_error_says_what_to_do_next(capsys: pytest.CaptureFixture[str]) -> None:
    """The message, then each line of the hint behind an arrow; nothing on stdout."""
    _raises(ConfigError("it is wrong", hint="do this\nor that"))
    shown = capsys.readouterr()
    assert shown.err.splitlines() == ["error: it is wrong", "  → do this", "  → or that"]
    assert shown.out == ""


def test_an_unexpected_error_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """The traceback is for --debug."""
    _raises(ValueError("first\nsecond"))
    assert capsys.readouterr().err.splitlines()[0] == "error: unexpected ValueError: first"


def test_debug_shows_the_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    """With --debug the traceback comes before the line."""

    def call() -> None:
        raise ValueError("a")

    cli.run(call, debug=True)
    assert "Traceback" in capsys.readouterr().err


def test_debug_may_stand_anywhere(tmp_path: Path) -> None:
    """`al push --debug` and `al --debug push` are one."""
    assert al("env", "list", "--debug", cwd=tmp_path).returncode == 0
    assert al("--debug", "env", "list", cwd=tmp_path).returncode == 0


def test_outside_a_project_the_way_in_is_named(tmp_path: Path) -> None:
    """Push, run and doctor say that there is no project here and how to make one."""
    for verb in (["push"], ["run", "dev"], ["doctor"], ["logs", "dev"]):
        asked = al(*verb, cwd=tmp_path)
        assert asked.returncode == 2, asked.stderr
        assert "al new" in asked.stderr


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_a_closed_terminal_ends_a_verb_like_ctrl_c(tmp_path: Path, name: str) -> None:
    """What is under way is undone by whichever signal the end comes."""
    code = "import os, signal, toolkit.cli as c; c._end_as_by_ctrl_c()\n"
    code += f"raise SystemExit(c.run(lambda: os.kill(os.getpid(), signal.{name})))"
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (ended.returncode, "interrupted" in ended.stderr) == (130, True)


def test_a_file_in_the_way_is_named(tmp_path: Path) -> None:
    """An OSError is no defect of ours: the path and what is wrong with it are the message."""
    (tmp_path / "file").write_text("")
    asked = al("env", "init", "prod", cwd=tmp_path, AL_HOME=str(tmp_path / "file"))
    assert asked.returncode == 1
    assert str(tmp_path / "file") in asked.stderr
    assert "unexpected" not in asked.stderr
