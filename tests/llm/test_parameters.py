"""Options of a model in the words of its provider's API, as they really go out."""

import asyncio
from typing import Any

import pytest
from pydantic_ai import Agent

from tests.fixtures.llm_server import Turn, llm_server
from toolkit.core.agent import Model
from toolkit.core.errors import ConfigError
from toolkit.core.secrets import Secret
from toolkit.llm.models import live_model
from toolkit.llm.parameters import parameters, thinking_of_ollama
from toolkit.llm.patience import Patient

LIMITS = {"max_tokens": 2048, "temperature": 0.5}


def model(**more: Any) -> Model:
    return Model(**{"name": "m", "provider": "openai", "model": "gpt-4o", **more})


async def _ask(one: Model) -> None:
    live = live_model(one, Secret("sk-0123456789"))
    agent = Agent(Patient([live], tell=lambda _msg, _fields: None))
    async with agent:
        await agent.run("hello")


def body(**more: Any) -> dict[str, Any]:
    """What a server gets for one question."""
    with llm_server(Turn(text="ok")) as server:
        home = server.root if more.get("provider") in ("anthropic", "ollama") else server.url
        asyncio.run(_ask(model(**{"base_url": home, **more})))
    return server.requests[0]


@pytest.mark.parametrize(
    ("provider", "name", "field"),
    [
        ("openai", "gpt-4o", "max_completion_tokens"),
        ("openai", "gpt-5", "max_completion_tokens"),
        ("anthropic", "claude-opus-5-5", "max_tokens"),
        *((other, "some-model", "max_tokens")
          for other in ("groq", "google", "xai", "mistral", "openrouter", "custom")),
    ],
)  # fmt: skip
def test_the_length_of_an_answer_has_each_provider_s_name(
    provider: str, name: str, field: str
) -> None:
    """Once, under the one name that it takes."""
    sent = body(provider=provider, model=name, options={"max_tokens": 2048})
    names = {"max_tokens", "max_completion_tokens", "num_predict"} & sent.keys()
    assert (names, sent[field]) == ({field}, 2048)


def test_ollama_has_its_own_words_for_both() -> None:
    """num_predict and num_ctx, among its options."""
    options = {**LIMITS, "num_ctx": 4096}
    sent = body(provider="ollama", model="qwen3:8b", options=options)["options"]
    assert sent == {"num_predict": 2048, "temperature": 0.5, "num_ctx": 4096}


def test_what_is_given_in_the_provider_s_own_words_wins() -> None:
    options = {"max_tokens": 1, "num_predict": 7}
    assert parameters(model(provider="ollama", options=options)).request == {"num_predict": 7}


@pytest.mark.parametrize("name", ["o3", "o4-mini", "gpt-5", "gpt-5.6-terra"])
def test_a_model_that_reasons_is_sent_no_temperature_and_it_is_said(name: str) -> None:
    """It would answer with an error."""
    found = parameters(model(model=name, options=LIMITS))
    assert found.request == {"max_tokens": 2048}
    assert found.notes == (f"temperature is not sent: {name} refuses it while it reasons",)


@pytest.mark.parametrize(
    "other",
    [
        {"model": "gpt-4o"},
        {"model": "gpt-5-chat-latest"},
        {"provider": "custom", "model": "o3-like"},
        {"provider": "anthropic", "model": "claude-opus-5-5"},
        {"provider": "anthropic", "model": "claude-opus-5-5", "thinking_level": "off"},
    ],
)
def test_others_keep_theirs(other: dict[str, str]) -> None:
    found = parameters(model(**other, options=LIMITS))
    assert (found.request["temperature"], found.notes) == (0.5, ())


def test_a_claude_that_thinks_is_sent_no_temperature() -> None:
    claude = model(provider="anthropic", model="c", thinking_level="low", options=LIMITS)
    assert "temperature" not in parameters(claude).request


def test_what_steers_the_session_is_not_sent() -> None:
    """In either spelling."""
    options = {"contextWindow": 5, "compact_pct": 6, "firstOutput": 7, "price": {"input": 1}}
    found = parameters(model(options=options))
    assert found.request == {}
    assert found.session == {"context_window": 5, "compact_pct": 6, "first_output": 7, "price": {"input": 1}}  # fmt: skip
    assert found.window == 5


@pytest.mark.parametrize(
    ("provider", "option"), [("openai", "num_ctx"), ("ollama", "extra_body"), ("custom", "topp")]
)
def test_what_a_provider_does_not_know_is_refused(provider: str, option: str) -> None:
    """Ollama would ignore it without a word, others would refuse the request."""
    with pytest.raises(ConfigError, match=option):
        parameters(model(provider=provider, options={option: 1}))


@pytest.mark.parametrize(
    ("name", "level", "think"),
    [
        ("qwen3", None, None),
        ("qwen3", "off", False),
        ("qwen3", "high", True),
        ("gpt-oss:20b", "off", "low"),
        ("gpt-oss:20b", "medium", "medium"),
        ("gpt-oss:20b", "xhigh", "high"),
    ],
)
def test_thinking_has_ollama_s_words(name: str, level: str | None, think: object) -> None:
    """gpt-oss has levels, and cannot be turned off."""
    one = model(provider="ollama", model=name, thinking_level=level)
    assert thinking_of_ollama(one) == think
