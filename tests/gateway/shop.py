"""A gateway of a project with two agents, over this machine's own parts, and a scheduler's desk without a scheduler."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from gateway.app import create_app
from tests.fakes import FakeClock
from tests.gateway.place import BEARER, QUICK, Place
from toolkit.core.agent import AgentName, WebhookTrigger
from toolkit.core.run import Run
from toolkit.inside.platforms.local import Local
from toolkit.scheduler.desk import Desk
from toolkit.scheduler.dispatch import Definition, fact_key
from toolkit.scheduler.roster import Post, Roster, Source

ROSTER = Roster(
    project="shop",
    posts={
        "dev": Post(
            agent=AgentName("dev"),
            description="writes code",
            schedule="0 12 * * *",
            webhooks=(WebhookTrigger(source="hub", filters={"events": ["issues"]}),),
        ),
        "ops": Post(agent=AgentName("ops"), scale=2),
    },
    sources={"hub": Source(name="hub", type="github")},
    total=5,
)


@dataclass
class Shop:
    """`woken` and `stopped` are what the gateway has asked of the process around it."""

    place: Place
    clock: FakeClock
    app: FastAPI
    client: TestClient
    woken: list[str] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)

    @property
    def ledger(self) -> Any:
        return self.place.services.ledger

    def container(self, run: Run) -> Local:
        """The run's own hand in its mailbox, claimed."""
        project = self.place.services.context.project
        hand = Local(
            {
                "AL_RUN_ID": run.id,
                "AL_LEDGER": str(project / ".al" / "action-llama.db"),
                "AL_SECRETS": str(project),
                "AL_SECRET": "none",
            }
        )
        hand.claim({})
        return hand

    def post(self, path: str, **body: Any) -> tuple[int, dict[str, Any]]:
        answer = self.client.post(path, json=body)
        return answer.status_code, answer.json()

    def get(self, path: str) -> tuple[int, dict[str, Any]]:
        answer = self.client.get(path)
        return answer.status_code, answer.json()


@pytest.fixture
def shop(place: Place) -> Iterator[Shop]:
    """With the key in every request."""
    for name in ROSTER.posts:
        known = Definition(agent=name, runtime="local", ref=name, image="", hash="", timeout=60)
        place.services.ledger.set_fact(fact_key(name), known.to_fact())
    woken, stopped = list[str](), list[str]()
    clock = FakeClock(datetime.now(UTC))
    desk = Desk(
        services=place.services,
        roster=lambda: ROSTER,
        clock=clock,
        wake=lambda: woken.append("woken"),
    )
    app = create_app(place.services, pace=QUICK, desk=desk, stop=lambda: stopped.append("stopped"))
    with TestClient(app, headers=BEARER, raise_server_exceptions=False) as client:
        yield Shop(place, clock, app, client, woken, stopped)
