"""Two `al run` at one model's server: sessions never overlap, whichever process started them and however it ended."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.commands.program import al, variables
from tests.fakes import eventually
from tests.fixtures.llm_server import LlmServer, Turn, llm_server
from toolkit.scheduler.turns import FACT

HERE = '[local]\nruntime = "process"\n'
MODEL = '[models.{name}]\nprovider = "ollama"\nmodel = "qwen2.5-coder:7b"\nbaseUrl = "{url}"\n'


def a_project(cwd: Path, **servers: str) -> Path:
    """An agent for each name, with a model of its own at that address."""
    models = [MODEL.format(name=name, url=url) for name, url in servers.items()]
    (cwd / "config.toml").write_text(HERE + "".join(models), encoding="utf-8")
    for name in servers:
        place = cwd / "agents" / name
        place.mkdir(parents=True)
        (place / "SKILL.md").write_text(f"You are {name}.", encoding="utf-8")
        (place / "config.toml").write_text(f'models = ["{name}"]\n', encoding="utf-8")
    return cwd


def line(cwd: Path, kind: str) -> list[dict[str, Any]]:
    """Who has the one backend that is in the ledger, or who waits."""
    (file,) = (cwd / ".al").glob("*.db")
    with closing(sqlite3.connect(file)) as db:
        row = db.execute("SELECT value FROM facts WHERE key = ?", (FACT,)).fetchone()
    backends = json.loads(row[0]) if row else {}
    return [place for known in backends.values() for place in known[kind]]


def whose(server: LlmServer) -> list[str]:
    """Whose session each request is of."""
    return [body["messages"][0]["content"].split("You are ")[1][:3] for body in server.requests]


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Any]:
    """`al run AGENT` in a process of its own, as something that will be there."""
    with ThreadPoolExecutor(2) as pool:

        def started(agent: str) -> Future[subprocess.CompletedProcess[str]]:
            return pool.submit(al, "run", agent, "-E", "local", cwd=tmp_path)

        yield started


def test_two_programs_take_turns_at_one_server(tmp_path: Path, program: Any) -> None:
    """The second waits until the first is over, and says so, though each writes the address in its own way."""
    script = (Turn(tools=[("bash", {"command": "true"})]), Turn(text="done"))
    with llm_server(*script * 2) as server:
        server.meet = threading.Barrier(2)
        port = server.root.rpartition(":")[2]
        a_project(tmp_path, dev=server.root, ops=f"http://localhost:{port}/v1/")
        first = program("dev")
        eventually(lambda: server.requests)
        second = program("ops")
        eventually(lambda: line(tmp_path, "waiting"))
        server.meet.wait(60)
        server.meet = None
        ended = [first.result(), second.result()]
    assert [done.returncode for done in ended] == [0, 0], ended
    assert (whose(server), server.most) == (["dev", "dev", "ops", "ops"], 1)
    assert f"waits for http://127.0.0.1:{port}: number 1 in line" in ended[1].stderr
    assert line(tmp_path, "held") == []


def test_at_two_servers_two_programs_work_at_once(tmp_path: Path, program: Any) -> None:
    """Each answer waits for the other's request: one after the other, they would never come."""
    with llm_server(Turn(text="done")) as one, llm_server(Turn(text="done")) as other:
        one.meet = other.meet = threading.Barrier(2)
        a_project(tmp_path, dev=one.root, ops=other.root)
        ended = [run.result() for run in [program("dev"), program("ops")]]
    assert [done.returncode for done in ended] == [0, 0], ended


def test_a_program_that_is_killed_leaves_its_runs_turn_to_the_run(
    tmp_path: Path, program: Any
) -> None:
    """The run goes on without it, and has the server until it is over; then the next one has its turn."""
    with llm_server(Turn(text="done")) as server:
        server.meet = threading.Barrier(2)
        a_project(tmp_path, dev=server.root, ops=server.root)
        words = [sys.executable, "-m", "toolkit.cli", "run", "dev", "-E", "local"]
        env = variables(tmp_path / "home")
        first = subprocess.Popen(words, cwd=tmp_path, env=env, stderr=subprocess.DEVNULL)
        eventually(lambda: server.requests)
        os.kill(first.pid, signal.SIGKILL)
        first.wait()
        second = program("ops")
        eventually(lambda: line(tmp_path, "waiting"))
        assert len(line(tmp_path, "held")) == 1
        server.meet.wait(60)
        server.meet = None
        done = second.result()
    assert done.returncode == 0, done.stderr
    assert (whose(server), server.most) == (["dev", "ops"], 1)
