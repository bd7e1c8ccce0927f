"""From configured models to live ones; nothing is sent here."""

import subprocess
import sys
from typing import Any

import pytest

from toolkit.core.agent import Model
from toolkit.core.errors import ConfigError, CredentialError, UnknownPlugin
from toolkit.core.secrets import Secret
from toolkit.llm.models import live_model, live_models, load, parse_model

KEY = Secret("sk-0123456789")


def model(**more: Any) -> Model:
    return Model(**{"name": "m", "provider": "openai", "model": "gpt-5", **more})


def test_the_baked_form_is_read_whole() -> None:
    """camelCase as in agent-config.json, with its defaults."""
    data = {"name": "m", "provider": "custom", "model": "x", "baseUrl": "http://h/v1",
            "thinkingLevel": "high", "options": {"maxTokens": 5}}  # fmt: skip
    parsed = parse_model(data)
    assert (parsed.base_url, parsed.thinking_level, parsed.auth_type) == (
        "http://h/v1",
        "high",
        "api_key",
    )
    assert parsed.options == {"maxTokens": 5}


def test_a_model_that_lacks_a_field_is_named() -> None:
    with pytest.raises(ConfigError, match="'model'"):
        parse_model({"name": "m", "provider": "openai"})


@pytest.mark.parametrize(
    ("provider", "place"),
    [
        ("openai", "https://api.openai.com/v1"),
        ("groq", "https://api.groq.com/openai/v1"),
        ("xai", "https://api.x.ai/v1"),
        ("mistral", "https://api.mistral.ai/v1"),
        ("openrouter", "https://openrouter.ai/api/v1"),
        ("anthropic", "https://api.anthropic.com"),
    ],
)
def test_each_provider_is_asked_at_its_own_place(provider: str, place: str) -> None:
    """The address comes from the table, or from the SDK of the provider itself."""
    assert (live_model(model(provider=provider), KEY).base_url or "").startswith(place)


def test_a_base_url_of_the_user_wins() -> None:
    live = live_model(model(provider="groq", base_url="http://127.0.0.1:1/v1"), KEY)
    assert (live.base_url or "").startswith("http://127.0.0.1:1/v1")


def test_options_and_thinking_become_settings() -> None:
    """And the SDK's own retrying is off: patience is ours."""
    live = live_model(
        model(options={"maxTokens": 7, "temperature": 0.5}, thinking_level="off"), KEY
    )
    settings = live.settings or {}
    assert settings == {"max_retries": 0, "max_tokens": 7, "temperature": 0.5, "thinking": False}


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        ({"options": {"tmperature": 1}}, "tmperature"),
        ({"thinking_level": "very"}, "very"),
        ({"auth_type": "pi_auth"}, "pi_auth"),
        ({"provider": "custom"}, "baseUrl"),
    ],
)
def test_what_cannot_work_is_refused_in_words(wrong: dict[str, Any], word: str) -> None:
    """Before anything is sent, naming the model and the setting."""
    with pytest.raises(ConfigError, match=word):
        live_model(model(**wrong), KEY)


def test_a_missing_key_names_its_credential() -> None:
    with pytest.raises(CredentialError) as caught:
        live_models([model()], {})
    assert "openai_key" in caught.value.hint


def test_ollama_needs_no_key() -> None:
    assert live_models([model(provider="ollama")], {})


def test_an_unknown_provider_is_refused() -> None:
    with pytest.raises(UnknownPlugin):
        live_models([model(provider="opnai")], {})


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"name": "m", "model": "m", "provider": "nobody"},
        {"name": "m", "model": "m", "provider": "openai", "wire": "anthropic"},
        {"name": "m", "model": "m", "provider": "openai", "baseUrl": "http://[1"},
    ],
    ids=["no model", "unknown provider", "contradiction", "no address"],
)
def test_what_is_wrong_with_a_model_is_not_said_while_libraries_load(data: Any) -> None:
    """It is said when the model is made for work: there somebody explains it."""
    load([data])


def test_the_tables_load_no_sdk() -> None:
    """Configuration is checked on laptops that have none."""
    code = "import toolkit.llm.models, toolkit.llm.providers, sys; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout.split()
    assert not {"pydantic_ai", "openai", "anthropic", "pydantic"} & set(loaded)
