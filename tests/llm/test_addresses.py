"""Where a request really goes, and with which key: over HTTP, on both APIs."""

import asyncio
from typing import Any

import pytest
from pydantic_ai import Agent

from tests.fixtures.llm_server import LlmServer, Turn, llm_server
from toolkit.core.agent import Model
from toolkit.core.errors import ConfigError
from toolkit.core.secrets import Secret
from toolkit.llm.models import live_model, parse_model


def ask(server: LlmServer, **model: Any) -> str:
    """One question; the server says what came."""
    key = Secret("sk-0123456789") if model.pop("keyed", False) else None
    return asyncio.run(_asked(Agent(live_model(Model(name="m", **model), key))))


async def _asked(agent: Agent) -> str:
    async with agent:
        return (await agent.run("hello")).output


@pytest.mark.parametrize("path", ["", "/", "/v1", "/v1/"])
@pytest.mark.parametrize("provider", ["ollama", "custom"])
def test_a_server_of_one_s_own_is_found_with_the_version_or_without(
    provider: str, path: str
) -> None:
    """Ollama's root, llama-server's root, and the addresses that other tools want."""
    with llm_server(Turn(text="ok")) as server:
        assert ask(server, provider=provider, model="qwen", base_url=f"{server.root}{path}") == "ok"
    assert server.requests[0]["model"] == "qwen"


@pytest.mark.parametrize("path", ["", "/v1"])
def test_a_custom_server_may_speak_anthropic_s_api(path: str) -> None:
    """wire = "anthropic": the same messages, another place."""
    with llm_server(Turn(text="ok")) as server:
        url = f"{server.root}{path}"
        told = ask(server, provider="custom", wire="anthropic", model="qwen", base_url=url)
    assert told == "ok"
    assert "max_tokens" in server.requests[0]


def test_a_server_without_a_key_is_sent_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """No placeholder, and not even the one that an SDK would find among the variables."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-other")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-other")
    with llm_server(Turn(text="ok")) as server:
        ask(server, provider="ollama", model="qwen", base_url=server.root)
        for wire in (None, "anthropic"):
            ask(server, provider="custom", wire=wire, model="qwen", base_url=server.root)
    assert server.keys == ["", "", ""]


def test_a_server_with_a_login_of_its_own_is_sent_it() -> None:
    """In a header that the user names, beside no key."""
    own = {"extra_headers": {"Authorization": "Basic eA=="}}
    with llm_server(Turn(text="ok")) as server:
        for wire in (None, "anthropic"):
            ask(server, provider="custom", wire=wire, model="q", base_url=server.root, options=own)
    assert server.keys == ["Basic eA==", "Basic eA=="]


def test_a_friendly_name_goes_out_as_the_provider_s_id() -> None:
    """Also where the model stands in the image, and no launcher has looked it up."""
    with llm_server(Turn(text="ok")) as server:
        ask(
            server,
            provider="anthropic",
            model="claude-opus-4.5",
            base_url=server.root,
            keyed=True,
        )
    assert server.requests[0]["model"] == "claude-opus-4-5-20251101"


def test_the_wire_is_only_for_servers_of_one_s_own() -> None:
    """A provider speaks its own."""
    model = Model(name="m", provider="openai", model="gpt-4o", wire="anthropic")
    with pytest.raises(ConfigError, match="has a wire"):
        live_model(model, Secret("k"))


def test_a_model_travels_whole() -> None:
    """What a launcher writes is what a session reads."""
    model = Model(name="m", provider="custom", model="q", auth_type="none", base_url="http://h",
                  thinking_level="low", wire="anthropic", options={"max_tokens": 5})  # fmt: skip
    assert parse_model(model.to_dict()) == model
