"""The table of providers."""

import pytest

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


def test_an_unknown_provider_gets_the_nearest_name() -> None:
    with pytest.raises(UnknownPlugin) as caught:
        provider("antropic")
    assert "anthropic" in caught.value.hint
