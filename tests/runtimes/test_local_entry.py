"""A whole run on this machine: the real store, the real ledger, and the entry point that containers have."""

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtimes.local import PLUGIN, LocalRuntime
from tests.contracts.ledger import a_run
from tests.contracts.runtime import ended
from tests.fakes import eventually
from tests.inside.seen import HOST, NAMES, OURS, SHELL, names
from toolkit.core.clock import iso
from toolkit.core.environment import Environment, Scope
from toolkit.core.ports import Context, Store
from toolkit.core.run import Run, RunHandle, RunSpec, RunState
from toolkit.core.secrets import Receipt, SecretLease
from toolkit.credentials.lease import close_lease, open_lease
from toolkit.credentials.stores import local_files
from toolkit.scheduler.ledgers import sqlite

CONFIG = {
    "name": "dev",
    "timeout": 60,
    "models": [],
    "credentials": [],
    "hooks": {},
    "preflight": [],
}


class Machine:
    """This machine, with one project and one agent whose script is given."""

    def __init__(self, project: Path) -> None:
        environment = Environment(name="local", scope=Scope(project="p", environment="local"))
        self.context = Context(environment=environment, home=project / "home", project=project)
        self.runtime: LocalRuntime = PLUGIN(self.context, grace=20)
        self.ledger = sqlite.PLUGIN(self.context)
        self.store: Store = local_files.PLUGIN(self.context, root=project / ".al" / "secrets")
        self.app = project / "app"
        self.ledger.prepare()

    def bake(self, script: str) -> None:
        files = {
            "agent-config.json": json.dumps(CONFIG),
            "credentials.json": "{}",
            "SKILL.md": "work",
            "prompt-static.txt": "work",
            "timeout": "60",
            "test-script.sh": f"#!/bin/sh\n{script}\n",
        }
        (self.app / "static").mkdir(parents=True)
        for name, text in files.items():
            (self.app / "static" / name).write_text(text)
        (self.app / "static" / "test-script.sh").chmod(0o755)

    def launch(self) -> tuple[Run, SecretLease, RunHandle]:
        run = a_run(state=RunState.STARTING)
        self.ledger.add(run)
        payload = {
            "credentials": {"github_token/default/token": "hunter2"},
            "prompt": None,
            "trigger": {"kind": "manual", "source": None, "context": {}},
            "token": "t",
            "gateway": None,
        }
        lease = open_lease(self.store, self.context.names, run=run.id, payload=payload, timeout=60)
        spec = RunSpec(
            run=run.id, agent=run.agent, definition=str(self.app), timeout=60, lease=lease
        )
        return run, lease, self.runtime.launch(spec)


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    made = Machine(tmp_path)
    yield made
    for handle in made.runtime.running():
        made.runtime.stop(handle)


def test_a_script_runs_and_its_secret_is_gone(machine: Machine) -> None:
    """Claimed, read, burned, reported; and the receipt is complete after our own look."""
    machine.bake('echo "i am $AL_AGENT"')
    run, lease, handle = machine.launch()
    assert ended(machine.runtime, handle).state is RunState.SUCCEEDED
    box = machine.ledger.mailbox(run.id)
    assert box.claimed
    assert box.report
    assert box.report["exit_code"] == 0
    receipt = close_lease(machine.store, lease, Receipt(created=iso(lease.created)), mailbox=box)
    assert receipt.complete
    assert "i am dev" in "".join(event.message for event in machine.runtime.logs(handle))
    assert left_behind(machine, run) == {"identity", "exit"}


def test_nothing_of_the_host_reaches_an_agent(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the shell has in which `al` is typed: a closed list is handed on."""
    for name in ("GITHUB_TOKEN", "OPENAI_API_KEY", "SSH_AUTH_SOCK", "ANYTHING", "AL_ANYTHING"):
        monkeypatch.setenv(name, "leaked-from-the-host")
    machine.bake(NAMES)
    _, _, handle = machine.launch()
    ended(machine.runtime, handle)
    said = "".join(event.message for event in machine.runtime.logs(handle))
    assert names(said) - SHELL - HOST == OURS
    assert "leaked" not in said


def left_behind(machine: Machine, run: Run) -> set[str]:
    return {p.name for p in (machine.context.project / ".al" / "runs" / run.id).iterdir()}


def test_a_stopped_run_reports_that_it_was_stopped(machine: Machine) -> None:
    """The entry point gets the time to say so, and ends what it started."""
    machine.bake("echo working; sleep 600")
    run, _, handle = machine.launch()
    eventually(lambda: "working" in "".join(e.message for e in machine.runtime.logs(handle)))
    assert "SIGTERM" in machine.runtime.stop(handle)
    report = machine.ledger.mailbox(run.id).report
    assert report
    assert report["state"] == "stopped"
    assert left_behind(machine, run) == {"identity", "exit"}


def test_a_killed_entry_point_leaves_neither_files_nor_processes(machine: Machine) -> None:
    """Its script goes on in a session of its own until somebody looks; then it is ended."""
    machine.bake('echo "pid $$"; sleep 600 & wait')
    run, _, handle = machine.launch()
    line = eventually(
        lambda: next((e.message for e in machine.runtime.logs(handle) if '"pid ' in e.message), "")
    )
    script = int(json.loads(line)["text"].split()[1])
    os.kill(parent_of(script), signal.SIGKILL)
    assert ended(machine.runtime, handle).exit_code == 137
    eventually(lambda: not Path(f"/proc/{script}/cmdline").exists())
    assert left_behind(machine, run) == {"identity", "exit"}


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
