"""Runs that speak to a gateway with tokens of their own: over HTTP, with the ledger in memory and a clock that is turned."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from starlette.testclient import TestClient

from gateway.app import create_app
from tests.fakes import FakeClock, eventually
from tests.services import FakeServices
from toolkit.core.agent import AgentName
from toolkit.core.clock import iso
from toolkit.core.run import Run, RunId, RunState, TriggerKind
from toolkit.core.secrets import Secret
from toolkit.core.work import Call
from toolkit.scheduler import calling, tokens
from toolkit.scheduler.desk import Desk
from toolkit.scheduler.dispatch import Definition, fact_key
from toolkit.scheduler.roster import Post, Roster

from .place import KEY, QUICK

AGENTS = ("alpha", "beta", "gamma")
ISSUE = "github://acme/shop/issues/1"


@dataclass(frozen=True, slots=True)
class Guest:
    """A run, and what it says to the gateway."""

    run: Run
    token: str
    client: TestClient

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    def post(self, path: str, **body: Any) -> httpx.Response:
        return self.client.post(path, json=body, headers=self.headers)

    def get(self, path: str) -> httpx.Response:
        return self.client.get(path, headers=self.headers)

    def call(self, agent: str, context: str = "") -> str:
        """The id of a call that is taken."""
        answer = self.post("/calls", targetAgent=agent, context=context)
        return str(answer.json()["callId"])

    def standing(self, call: str) -> dict[str, Any]:
        answer: dict[str, Any] = self.get(f"/calls/{call}").json()
        return answer


@dataclass
class Party:
    """The gateway, its ledger, and a roster that a test may change."""

    services: FakeServices
    roster: Roster
    clock: FakeClock = field(default_factory=FakeClock)

    def __post_init__(self) -> None:
        desk = Desk(services=self.services, roster=lambda: self.roster, clock=self.clock)
        self.app = create_app(self.services, load_key=lambda: Secret(KEY), pace=QUICK, desk=desk)
        self.client = TestClient(self.app, raise_server_exceptions=False)
        for name in AGENTS:
            definition = Definition(
                agent=name, runtime="memory", ref="r", image="i", hash="h", timeout=60
            )
            self.ledger.set_fact(fact_key(name), definition.to_fact())

    @property
    def ledger(self) -> Any:
        return self.services.ledger

    def change(self, **settings: Any) -> None:
        self.roster = replace(self.roster, **settings)

    def guest(self, agent: str = "alpha", *, depth: int = 0) -> Guest:
        """A run that is at work."""
        run = RunId.new(AgentName(agent))
        record = Run(
            id=run,
            agent=run.agent,
            runtime="memory",
            trigger=TriggerKind.MANUAL,
            created=iso(self.clock()),
            depth=depth,
        )
        self.ledger.add(record)
        return self.begin(run)

    def begin(self, run: RunId) -> Guest:
        """As the scheduler launches it: with a token whose hash is in its record."""
        token, digest = tokens.new(run)
        record = self.ledger.update(run, state=RunState.RUNNING, token=digest)
        return Guest(record, token.reveal(), self.client)

    def callee(self, call: str) -> Guest:
        """The run that works for this call, begun."""
        return self.begin(self.placed(call).run)

    def placed(self, call: str) -> Call:
        found: Call = self.ledger.calls.get(call)
        return found

    def end(self, run: RunId, state: RunState = RunState.SUCCEEDED, **changes: Any) -> None:
        """Its end is recorded, and nobody has tidied up after it."""
        self.ledger.update(run, state=state, finished=iso(self.clock()), **changes)

    def tidy(self, run: RunId) -> None:
        """What the scheduler does for a run that is final."""
        calling.over(self.ledger, self.ledger.get(run), self.clock())
        self.ledger.locks.release_all(run)

    @contextmanager
    def serving(self) -> Iterator[str]:
        """The address of the gateway, under uvicorn on loopback."""
        config = uvicorn.Config(self.app, log_level="warning", timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        with socket.create_server(("127.0.0.1", 0)) as listening:
            thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
            thread.start()
            eventually(lambda: server.started)
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
            server.should_exit = True
            thread.join()


def party(directory: Path) -> Party:
    """Three agents that may work, and one that has no place."""
    posts = {name: Post(agent=AgentName(name), description=f"does {name}") for name in AGENTS}
    idle = Post(agent=AgentName("idle"), scale=0)
    roster = Roster(project="shop", posts={**posts, "idle": idle})
    return Party(FakeServices(directory), roster)
