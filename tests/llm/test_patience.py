"""Several models as one, over real HTTP: who is asked, how often, and how long is waited."""

import asyncio
from typing import Any

import pytest
from pydantic_ai import Agent

from tests.fixtures.llm_server import LlmServer, Turn, llm_server
from toolkit.core.agent import Model
from toolkit.llm.models import live_models
from toolkit.llm.patience import Exhausted, Patient

BUSY = Turn(status=429)


class Waits:
    """A sleep that does not, and remembers."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.told: list[tuple[str, dict[str, Any]]] = []

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)

    def tell(self, msg: str, fields: dict[str, Any]) -> None:
        self.told.append((msg, fields))


def ask(waits: Waits, *servers: LlmServer) -> str:
    """One question to these models, in this order."""
    models = [
        Model(name=f"m{n}", provider="custom", model=f"m{n}", base_url=server.url)
        for n, server in enumerate(servers)
    ]
    patient = Patient(live_models(models, {}), tell=waits.tell, sleep=waits)
    return asyncio.run(_asked(Agent(patient)))


async def _asked(agent: Agent) -> str:
    async with agent:
        return (await agent.run("hello")).output


def test_waits_double_and_have_an_end() -> None:
    """30 s, 60 s, 120 s between four passes, then it is given up."""
    waits = Waits()
    with llm_server(BUSY) as server, pytest.raises(Exhausted) as caught:
        ask(waits, server)
    assert waits.seconds == [30, 60, 120]
    assert len(server.requests) == 4
    assert caught.value.busy


def test_what_the_provider_asks_for_is_waited() -> None:
    """Retry-After instead of our own doubling, but never more than five minutes."""
    waits = Waits()
    turns = [Turn(status=429, headers={"Retry-After": after}) for after in ("7", "4000")]
    with llm_server(*turns, Turn(text="ok")) as server:
        assert ask(waits, server) == "ok"
    assert waits.seconds == [7, 300]


def test_the_next_model_is_asked_before_anything_is_waited_for() -> None:
    waits = Waits()
    with llm_server(BUSY) as first, llm_server(Turn(text="second")) as second:
        assert ask(waits, first, second) == "second"
    assert (waits.seconds, len(first.requests)) == ([], 1)
    assert waits.told[0][1]["model"] == "m0"


def test_every_pass_asks_every_model() -> None:
    """In order, and again after the wait."""
    waits = Waits()
    with llm_server(BUSY) as first, llm_server(BUSY, BUSY, Turn(text="ok")) as second:
        assert ask(waits, first, second) == "ok"
    assert (len(first.requests), len(second.requests)) == (3, 3)


def test_a_server_that_fails_is_tried_again_and_is_not_busy() -> None:
    """500 may pass, and is no rate limit: the run's code differs."""
    waits = Waits()
    with llm_server(Turn(status=500)) as server, pytest.raises(Exhausted) as caught:
        ask(waits, server)
    assert len(server.requests) == 4
    assert not caught.value.busy


def test_an_empty_account_is_not_waited_for() -> None:
    """402: no time will help, only another provider."""
    waits = Waits()
    with llm_server(Turn(status=402)) as server, pytest.raises(Exhausted):
        ask(waits, server)
    assert (waits.seconds, len(server.requests)) == ([], 1)


def test_a_provider_that_is_not_there_is_tried_again() -> None:
    """A connection that is refused may be a restart."""
    waits = Waits()
    with llm_server(Turn(text="ok")) as server:
        gone = LlmServer("http://127.0.0.1:9/v1", [])
        assert ask(waits, gone, server) == "ok"
