"""A gateway over this machine's own parts: the SQLite ledger, log files, and the key in a file."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from starlette.testclient import TestClient

from gateway.app import create_app
from gateway.listening import configured
from gateway.sse import Pace
from tests.fakes import eventually
from toolkit.core.clock import iso
from toolkit.core.environment import Environment, Scope
from toolkit.core.ports import Context
from toolkit.core.run import Run, RunHandle, RunId, RunState, TriggerKind
from toolkit.core.secrets import Secret
from toolkit.wiring import Services

KEY = "k" * 43
BEARER = {"Authorization": f"Bearer {KEY}"}
STREAM = BEARER | {"Accept": "text/event-stream"}
QUICK = Pace(poll=0.02, heartbeat=0.1, longest=30)


@dataclass
class Place:
    """A project on this machine, and what its runs have logged."""

    services: Services

    def run(self, name: str = "dev-00000001", *, ago: float = 60, **changes: Any) -> Run:
        """A run that was created so many seconds ago."""
        run = RunId(name)
        handle = RunHandle(
            runtime="local", run=run, agent=run.agent, ids={"pid": "0", "started": "x"}
        )
        usual = {"state": RunState.RUNNING, "handle": handle, "trigger": TriggerKind.MANUAL}
        fields = {**usual, **changes}
        record = Run(
            id=run,
            agent=run.agent,
            runtime="local",
            created=iso(datetime.now(UTC) - timedelta(seconds=ago)),
            **fields,
        )
        self.services.ledger.add(record)
        return record

    def log(self, run: Run) -> Path:
        return self.services.context.project / ".al" / "logs" / f"{run.id}.log"

    def damage(self, run: Run) -> None:
        """Something that nobody expects stands where the log was."""
        self.log(run).unlink(missing_ok=True)
        self.log(run).mkdir(parents=True)

    def say(self, run: Run, *messages: str, ago: float = 0) -> None:
        """The run prints lines now, or so many seconds ago."""
        self.record(run, *({"msg": message} for message in messages), ago=ago)

    def record(self, run: Run, *records: dict[str, Any], ago: float = 0) -> None:
        log = self.log(run)
        log.parent.mkdir(parents=True, exist_ok=True)
        ts = int((datetime.now(UTC).timestamp() - ago) * 1000)
        lines = [{"_log": True, **fields, "run": run.id, "ts": ts} for fields in records]
        with log.open("a") as file:
            file.write("".join(json.dumps(line) + "\n" for line in lines))

    def end(self, run: Run) -> None:
        self.say(run, "run completed")
        self.services.ledger.update(
            run.id, state=RunState.SUCCEEDED, finished=iso(datetime.now(UTC)), exit_code=0
        )


@pytest.fixture
def place(tmp_path: Path) -> Place:
    environment = Environment(name="local", scope=Scope(project="shop", environment="local"))
    services = Services(
        Context(environment=environment, home=tmp_path / "home", project=tmp_path / "shop")
    )
    services.ledger.prepare()
    services.local_store.put("gateway_api_key/default/key", Secret(KEY), tags={})
    return Place(services)


@pytest.fixture
def client(place: Place) -> Iterator[TestClient]:
    """The gateway for somebody who holds the key."""
    app = create_app(place.services, pace=QUICK)
    with TestClient(app, headers=BEARER, raise_server_exceptions=False) as client:
        yield client


@contextmanager
def listening(config: uvicorn.Config) -> Iterator[uvicorn.Server]:
    """An application under uvicorn, on loopback."""
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [taken]})
        thread.start()
        eventually(lambda: server.started)
        yield server
        server.should_exit = True
        thread.join()


def address_of(server: uvicorn.Server) -> tuple[str, int]:
    host, port = server.servers[0].sockets[0].getsockname()
    return host, port


@pytest.fixture
def server(place: Place) -> Iterator[uvicorn.Server]:
    """The gateway under uvicorn, on loopback."""
    app = create_app(place.services, pace=QUICK)
    with listening(configured(app, ending=1, log_level="warning")) as server:
        yield server


@pytest.fixture
def served(server: uvicorn.Server) -> str:
    """Its address."""
    host, port = address_of(server)
    return f"http://{host}:{port}"


def messages(answer: httpx.Response) -> list[str]:
    return [entry["msg"] for entry in answer.json()["entries"]]


def events(text: str) -> list[dict[str, str]]:
    """The events of a stream, each with its fields."""
    blocks = [block for block in text.split("\n\n") if block]
    return [dict(line.split(": ", 1) for line in block.split("\n")) for block in blocks]
