"""What a model's name says."""

import pytest

from toolkit.llm.names import TABLE


@pytest.mark.parametrize(
    ("text", "provider", "model"),
    [
        ("ollama:llama3.2:3b", "ollama", "llama3.2:3b"),
        ("Anthropic:claude-opus-4", "anthropic", "claude-opus-4"),
        ("ollama:mistral:latest", "ollama", "mistral:latest"),
        ("mistral:codestral-latest", "mistral", "codestral-latest"),
        ("custom:anything", "custom", "anything"),
        ("llama3.2:3b", None, "llama3.2:3b"),
        ("qwen2.5-coder:14b", None, "qwen2.5-coder:14b"),
        ("mistral:7b", None, "mistral:7b"),
        ("mistral:latest", None, "mistral:latest"),
        ("gpt-4o", None, "gpt-4o"),
        ("openai:", None, "openai:"),
    ],
)
def test_a_provider_before_the_first_colon_is_told_from_a_tag(
    text: str, provider: str | None, model: str
) -> None:
    """Ollama's tags have colons as well, and one of its models has a provider's name."""
    assert TABLE.split(text) == (provider, model)


@pytest.mark.parametrize(
    ("model", "owner"),
    [
        ("claude-opus-4", "anthropic"),
        ("Claude-Sonnet-4-5-20250929", "anthropic"),
        ("gpt-4o", "openai"),
        ("o1-mini", "openai"),
        ("o3", "openai"),
        ("o4-mini", "openai"),
        ("gemini-2.5-flash", "google"),
        ("grok-4", "xai"),
        ("qwen2.5-coder:14b", "ollama"),
        ("llama3.2", "ollama"),
        ("deepseek-coder", "ollama"),
        ("codellama", "ollama"),
        ("mistral", "ollama"),
        ("phi4", "ollama"),
        ("gemma3", "ollama"),
        ("yi:6b", "ollama"),
        ("solar", "ollama"),
        ("orca-mini", "ollama"),
        ("vicuna", "ollama"),
        ("gpt-oss:20b", None),
        ("unsloth/Qwen3.5-35B-A3B", None),
        ("brain-9", None),
    ],
)
def test_a_bare_name_means_its_family_s_provider(model: str, owner: str | None) -> None:
    """Where it can be several, or nobody knows it, it means none."""
    assert TABLE.owner(model) == owner


@pytest.mark.parametrize(
    ("provider", "model", "fits"),
    [
        ("anthropic", "claude-opus-4", True),
        ("openrouter", "claude-opus-4", True),
        ("custom", "claude-opus-4", True),
        ("ollama", "claude-opus-4", False),
        ("groq", "llama-3.3-70b-versatile", True),
        ("mistral", "mistral-large-latest", True),
        ("openai", "llama3.2", False),
        ("openai", "gpt-oss:20b", False),
        ("ollama", "gpt-oss:20b", True),
        ("openai", "ft-my-own", True),
        ("openai", "ft:babbage-002:acme::1a", True),
        ("ollama", "ft:latest", True),
    ],
)
def test_who_may_have_a_model_of_that_name(provider: str, model: str, fits: bool) -> None:
    """A name that nobody knows may be anybody's."""
    assert TABLE.fits(provider, model) is fits


def test_every_default_model_is_one_of_its_provider() -> None:
    """Or the smart default would contradict itself."""
    defaults = {p.name: p.default_model for p in TABLE.providers.values() if p.default_model}
    assert [name for name, model in defaults.items() if not TABLE.fits(name, model)] == []


def test_a_friendly_name_stands_for_an_id_of_its_provider_only() -> None:
    """A custom server may call its model the same."""
    assert TABLE.id_of("anthropic", "claude-sonnet-4.5") == "claude-sonnet-4-5-20250929"
    assert TABLE.id_of("custom", "claude-sonnet-4.5") == "claude-sonnet-4.5"
    assert TABLE.id_of("openai", "gpt-4o") == "gpt-4o"


def test_what_a_user_adds_goes_before_ours() -> None:
    """Names, and beginnings of names."""
    table = TABLE.with_more(
        providers={},
        friendly={"ollama": {"coder": "qwen3:30b"}},
        families={"claude-local": "ollama"},
    )
    assert (table.owner("coder"), table.id_of("ollama", "coder")) == ("ollama", "qwen3:30b")
    assert (table.owner("claude-local-7b"), table.owner("claude-opus-4")) == ("ollama", "anthropic")
