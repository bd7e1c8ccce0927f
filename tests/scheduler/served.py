"""`al start` itself, in the test's process: real agents as processes of this machine, their scripts instead of models, a
free port, and HTTP to steer it."""

import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from tests.fakes import eventually
from toolkit.core.run import Run, RunId
from toolkit.ops.load import load_files, load_services
from toolkit.ops.remote import gateway_key
from toolkit.ops.start import Scheduler, Wish, serving
from toolkit.wiring import Services

SECONDS = 60.0  # for one run, on a busy machine


@dataclass
class Served:
    """A project that can be started, stopped and started again.  `told` is what would have ended the process."""

    directory: Path
    told: list[str] = field(default_factory=list)
    port: int = 0
    _scheduler: Scheduler | None = None
    _stack: ExitStack = field(default_factory=ExitStack)

    @property
    def scheduler(self) -> Scheduler:
        assert self._scheduler is not None
        return self._scheduler

    @cached_property
    def services(self) -> Services:
        return load_services(self.directory, "local", note=lambda _: None)

    @property
    def ledger(self) -> Any:
        return self.scheduler.desk.services.ledger

    def start(self) -> None:
        """Return when it serves, and the agents that were there are ready.  Again at the same port, as in real life."""
        wish, load = Wish(port=self.port), partial(load_files, self.directory, "local")
        self._scheduler = self._stack.enter_context(
            serving(
                self.services,
                load,
                wish,
                end=lambda: self.told.append("stop"),
                fail=lambda error: self.told.append(repr(error)),
            )
        )
        self.port = urlsplit(self.scheduler.url).port or 0
        eventually(lambda: not self.scheduler.crew.waiting, seconds=SECONDS)

    def stop(self) -> None:
        """As after the first signal."""
        self._stack.close()
        self.__dict__.pop("services", None)  # as in another process

    # ------------------------------------------------------------------ the project's files

    def agent(self, name: str, script: str, config: str = "") -> None:
        """Write an agent, or write it anew."""
        folder = self.directory / "agents" / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "SKILL.md").write_text(f"---\nname: {name}\ndescription: {name}\n---\n\nWork.\n")
        (folder / "test-script.sh").write_text(f"#!/bin/sh\n{script}\n")
        (folder / "config.toml").write_text(config)

    def config(self, name: str, text: str) -> None:
        (self.directory / "agents" / name / "config.toml").write_text(text)

    def remove(self, name: str) -> None:
        shutil.rmtree(self.directory / "agents" / name)

    # ------------------------------------------------------------------ the gateway

    def ask(self, method: str, path: str, **body: Any) -> httpx.Response:
        key = gateway_key(self.services)
        assert key is not None
        headers = {"Authorization": f"Bearer {key.reveal()}"}
        with httpx.Client(base_url=self.scheduler.url, headers=headers, trust_env=False) as client:
            return client.request(method, path, json=body or None, timeout=20)

    def get(self, path: str) -> Any:
        return self.ask("GET", path).json()

    def post(self, path: str, **body: Any) -> tuple[int, Any]:
        answer = self.ask("POST", path, **body)
        return answer.status_code, answer.json()

    def trigger(self, agent: str, prompt: str | None = None) -> RunId:
        code, told = self.post(
            f"/control/trigger/{agent}", **({"prompt": prompt} if prompt else {})
        )
        assert code == 200, told
        return RunId(told["instanceId"])

    # ------------------------------------------------------------------ runs

    def run(self, run: RunId) -> Run:
        found: Run = self.ledger.get(run)
        return found

    def ended(self, run: RunId) -> Run:
        """The record of a run that is over, and whose secret has been seen gone if it had one."""

        def look() -> Run | None:
            found = self.run(run)
            gone = found.lease is None or found.receipt.verified_absent
            return found if found.state.final and gone else None

        return eventually(look, seconds=SECONDS)

    def at_work(self, run: RunId) -> Run:
        """One whose script has begun: it has written the file of its name into `marks`."""
        return eventually(lambda: (self.marked(run) and self.run(run)) or None, seconds=SECONDS)

    def runs(self, agent: str) -> list[Run]:
        """Oldest first."""
        return list(reversed(self.ledger.runs(agent=agent)))

    def over(self, agent: str, count: int) -> list[Run]:
        """All runs of the agent, once so many are over."""

        def look() -> list[Run] | None:
            found = [run for run in self.runs(agent) if run.state.final]
            return found if len(found) >= count else None

        return eventually(look, seconds=SECONDS)

    @property
    def marks(self) -> Path:
        return self.directory / "marks"

    def marked(self, run: RunId) -> bool:
        return (self.marks / run).exists()

    def mark(self, name: str) -> None:
        """What `waits` waits for."""
        (self.marks / name).touch()

    def waits(self, name: str) -> str:
        """A script that says that it has begun, and goes on until `mark(name)`."""
        return (
            f"touch {self.marks}/$AL_RUN_ID; until [ -e {self.marks}/{name} ]; do sleep 0.05; done"
        )


@contextmanager
def made(directory: Path, config: str = "") -> Iterator[Served]:
    """A project `shop` without agents, and a home of its own; what was started is ended."""
    before = os.environ.get("AL_HOME")
    os.environ["AL_HOME"] = str(directory / "home")
    project = directory / "shop"
    (project / "marks").mkdir(parents=True)
    (project / "config.toml").write_text(f'name = "shop"\n{config}\n[local]\nruntime = "process"\n')
    served = Served(project)
    try:
        yield served
    finally:
        served.stop()
        _restore(before)
        assert "al-scheduler" not in {thread.name for thread in threading.enumerate()}


def _restore(home: str | None) -> None:
    if home is None:
        del os.environ["AL_HOME"]
    else:
        os.environ["AL_HOME"] = home
