"""The table of providers."""

from typing import get_args

import pytest
from anthropic.resources.messages.messages import DEPRECATED_MODELS
from pydantic_ai.models import KnownModelName

from toolkit.core.errors import UnknownPlugin
from toolkit.llm.providers import PROVIDERS, provider


def test_every_provider_of_the_configuration_is_there() -> None:
    """What `[models.*] provider` may name."""
    assert set(PROVIDERS) == {
        "anthropic", "openai", "google", "groq", "xai", "mistral", "openrouter", "ollama", "custom",
    }  # fmt: skip


def test_a_provider_names_the_credential_of_its_key() -> None:
    """Derived, so that the two cannot drift apart."""
    assert provider("groq").credential == "groq_key"


def test_a_providers_place_is_encrypted_unless_it_is_this_machine() -> None:
    """Keys travel to it."""
    urls = [p.base_url for p in PROVIDERS.values() if p.base_url]
    assert all(url.startswith(("https://", "http://localhost")) for url in urls)


def test_only_what_runs_at_home_works_without_a_key() -> None:
    """A hosted provider without a key would fail later, and less clearly."""
    assert {p.name for p in PROVIDERS.values() if p.keyless} == {"ollama", "custom"}


def test_a_default_model_is_one_that_the_client_library_knows() -> None:
    """Ids age: what a provider has withdrawn is no default.  OpenRouter's chooses by itself, Ollama's is a file."""
    known = set(get_args(KnownModelName.__value__))
    defaults = {f"{p.name}:{p.default_model}" for p in PROVIDERS.values() if p.default_model}
    own = {"openrouter:openrouter/auto", "ollama:qwen2.5-coder:7b"}
    assert defaults - own <= known
    assert not set(DEPRECATED_MODELS) & {p.default_model for p in PROVIDERS.values()}


def test_an_unknown_provider_gets_the_nearest_name() -> None:
    with pytest.raises(UnknownPlugin) as caught:
        provider("antropic")
    assert "anthropic" in caught.value.hint
