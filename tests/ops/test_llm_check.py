"""Models are asked from where their agents run, and never while it is somebody's turn."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.fakes import MemoryRuntime
from tests.fixtures.llm_server import LlmServer, Turn, llm_server
from tests.scheduler.stage import define
from tests.services import ENVIRONMENT, FakeServices
from toolkit.core.agent import Agent, AgentName, Model, Project
from toolkit.core.clock import now
from toolkit.core.ports import Context
from toolkit.core.run import RunId
from toolkit.core.secrets import Secret
from toolkit.llm.backend import backends_of
from toolkit.llm.probe import Probe
from toolkit.llm.reach import Failure, Layer
from toolkit.ops.llm.check import Check, checked, lines
from toolkit.scheduler import turns
from toolkit.scheduler.line import Asking

TAGS = {"/api/tags": {"models": [{"name": "qwen2.5-coder:7b"}]}}
DEV = AgentName("dev")
BUSY = RunId("ops-0000000a")


class Inside(MemoryRuntime):
    """Its containers find nothing at the machine's address; `heard` is what they were asked."""

    heard: list[tuple[str, dict[str, Any]]]

    def ask_from_inside(
        self, agent: AgentName, definition: str, command: Sequence[str], text: Secret
    ) -> str:
        self.heard = [*getattr(self, "heard", []), (definition, json.loads(text.reveal()))]
        failure = Failure(layer=Layer.REFUSED, message="nothing listens", remedy="start it")
        found = Probe(url="http://host.docker.internal:8081", model="m", failure=failure)
        return f"{json.dumps(found.to_dict())}\n"


def an_agent(url: str) -> Agent:
    model = Model(name="m", provider="ollama", model="qwen2.5-coder:7b", base_url=url)
    return Agent(name=DEV, directory=Path(), instructions="", models=(model,))


def services(tmp_path: Path, agent: Agent, runtime: MemoryRuntime) -> FakeServices:
    """On this machine, with containers."""
    environment = replace(ENVIRONMENT, name="local", cloud=None, docker=True)
    project = Project(name="shop", directory=tmp_path, agents=(agent,))
    made = FakeServices(tmp_path, project)
    context = Context(environment=environment, home=tmp_path, project=tmp_path)
    made.__dict__.update(context=context, _runtimes={"docker": runtime})
    made.ledger.prepare()
    return made


def check_of(tmp_path: Path, server: LlmServer, runtime: MemoryRuntime, **more: Any) -> Check:
    agent = an_agent(server.root)
    place = services(tmp_path, agent, runtime)
    if more.get("pushed"):
        define(place.ledger, "dev")
    if more.get("busy"):
        asking = Asking(run=BUSY, created="2026", backends=backends_of(agent.models))
        turns.enter(place.ledger, asking, now())
    (found,) = checked(place, [agent], note=lambda _: None)
    return found


def test_a_server_that_containers_cannot_see_is_told_with_its_remedy(tmp_path: Path) -> None:
    """It answers here, and not there: it listens on loopback only."""
    with llm_server(Turn(text="yes"), facts=TAGS) as server:
        found = check_of(tmp_path, server, runtime := Inside(), pushed=True)
    assert found.place == "a container of dev"
    assert found.probe.failure is not None
    assert "listens on 127.0.0.1 only" in found.probe.failure.message
    assert "OLLAMA_HOST=0.0.0.0" in found.probe.failure.remedy
    ((definition, asked),) = runtime.heard
    assert definition == "dev:1"
    assert asked["models"][0]["model"] == "qwen2.5-coder:7b"


def test_before_there_is_an_image_it_is_asked_from_here(tmp_path: Path) -> None:
    """And says so."""
    with llm_server(Turn(text="yes"), facts=TAGS) as server:
        found = check_of(tmp_path, server, Inside())
    assert (found.place, found.sound) == ("this machine", True)
    assert list(lines(found))[-1] == "  (asked from this machine)"


def test_a_server_that_somebody_works_with_is_asked_for_no_reply(tmp_path: Path) -> None:
    """It would lose what it has in its memory; everything else is asked."""
    with llm_server(Turn(text="yes"), facts=TAGS) as server:
        found = check_of(tmp_path, server, MemoryRuntime(), busy=True)
        assert server.requests == []
    assert (found.sound, found.probe.listed, found.busy) == (True, True, BUSY)
    assert any(f"{BUSY} has its turn there" in line for line in lines(found))


def test_an_agent_without_its_key_keeps_nobody_else_from_being_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told of, with what to do, and the next one is asked."""
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    hosted = Model(name="h", provider="anthropic", model="claude-sonnet-5-5")
    with llm_server(Turn(text="yes"), facts=TAGS) as server:
        dev = an_agent(server.root)
        agents = [replace(dev, name=AgentName("boss"), models=(hosted,)), dev]
        place = services(tmp_path, dev, MemoryRuntime())
        first, second = checked(place, agents, note=lambda _: None)
    assert first.probe.failure is not None
    assert (first.agent, first.probe.failure.layer) == ("boss", Layer.KEY)
    assert "anthropic needs a key" in first.probe.failure.message
    assert (second.agent, second.sound) == ("dev", True)
