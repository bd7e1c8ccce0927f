"""`al start` as a user has it: a process with a terminal or without one, other verbs beside it, and signals."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.commands.program import Terminal, al, variables
from tests.fakes import eventually

SECONDS = 60.0


class Started:
    """`al start -H` in a project, at a port of its own choice; `said` is all that it has said."""

    def __init__(self, project: Path, log: Path) -> None:
        self._log = log
        with log.open("w") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "toolkit.cli", "start", "-H", "-E", "local", "--port", "0"],
                cwd=project,
                env=variables(project.parent / "home", PYTHONPATH=str(Path.cwd())),
                stdout=out,
                stderr=out,
            )  # fmt: skip
        eventually(lambda: "ready" in self.said or self.process.poll() is not None, seconds=SECONDS)

    @property
    def said(self) -> str:
        return self._log.read_text()

    def end(self, number: int) -> int:
        """Its exit code after this signal."""
        self.process.send_signal(number)
        return self.process.wait(SECONDS)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Two agents: `quick`, and `slow`, which goes on until the file `on` is there."""
    project = tmp_path / "shop"
    scripts = {
        "quick": "echo the work; exit 7",
        "slow": f"until [ -e {tmp_path}/on ]; do sleep 0.1; done",
    }
    for name, script in scripts.items():
        folder = project / "agents" / name
        folder.mkdir(parents=True)
        (folder / "SKILL.md").write_text(f"---\nname: {name}\n---\n\nWork.\n")
        (folder / "test-script.sh").write_text(f"#!/bin/sh\n{script}\n")
    (project / "config.toml").write_text('name = "shop"\n[local]\nruntime = "process"\n')
    return project


@pytest.fixture
def start(project: Path, tmp_path: Path) -> Iterator[Callable[[], Started]]:
    """Starts one, and another; whatever is left at the end is ended."""
    made: list[Started] = []

    def one() -> Started:
        made.append(Started(project, tmp_path / f"said-{len(made)}"))
        return made[-1]

    yield one
    for left in made:
        left.process.kill()
        left.process.wait()


def test_other_verbs_find_it_and_a_signal_leaves_runs_going(
    start: Callable[[], Started], project: Path, tmp_path: Path
) -> None:
    """`al run` goes through it and has the agent's exit code; at SIGTERM it ends with 0 and names what goes on; the next
    start takes that over, and `al stop` ends it."""

    def here(*words: str) -> subprocess.CompletedProcess[str]:
        return al(*words, "-E", "local", cwd=project, AL_HOME=str(tmp_path / "home"))

    started = start()
    done = here("run", "quick")
    assert (done.returncode, "the work" in done.stdout) == (7, True)
    run = json.loads(here("run", "slow", "--detach", "--json").stdout)["run"]
    eventually(lambda: f"{run} started on local (manual)" in started.said, seconds=SECONDS)
    assert started.end(signal.SIGTERM) == 0
    assert f"still at work: {run}; the next `al start` takes over" in started.said
    again = start()
    assert f"taken over: {run}" in again.said
    (tmp_path / "on").touch()
    eventually(lambda: f"{run} succeeded" in again.said, seconds=SECONDS)
    assert here("stop").returncode == 0
    assert again.process.wait(SECONDS) == 0
    assert "Traceback" not in again.said


def test_a_second_signal_ends_it_at_once_and_a_second_start_is_refused(
    start: Callable[[], Started],
) -> None:
    """A second start names the process that runs.  Whoever cannot wait for the end need not, and the exit code says so."""
    started, second = start(), start()
    assert second.process.wait(SECONDS) == 1
    assert f"process {started.process.pid} since" in second.said
    os.kill(started.process.pid, signal.SIGSTOP)
    os.kill(started.process.pid, signal.SIGINT)
    os.kill(started.process.pid, signal.SIGTERM)
    os.kill(started.process.pid, signal.SIGCONT)
    assert started.process.wait(SECONDS) == 130


def test_a_terminal_shows_a_table_until_ctrl_c(project: Path, tmp_path: Path) -> None:
    """Agents, where they are served, and the last lines; Ctrl-C ends it in order."""
    home = str(tmp_path / "home")
    terminal = Terminal(
        "start",
        "-E",
        "local",
        "--port",
        "0",
        cwd=project,
        AL_HOME=home,
        TERM="xterm",
        COLUMNS="120",
    )
    terminal.answer("2 agents are ready", "\x03")
    assert terminal.end() == 0
    assert "shop  local  http://127.0.0.1:" in terminal.shown
    assert "2 agents, 0 with a schedule, 0 at work" in terminal.shown
    assert "NEXT RUN" in terminal.shown
    assert "the scheduler and the gateway have ended" in terminal.shown
