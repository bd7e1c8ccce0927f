"""The providers that a model can be of, as data.

Anthropic and OpenAI have APIs of their own; every other provider is reached through its OpenAI-compatible one.
Knows no SDK, so that configuration can be checked without one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from toolkit.core.errors import UnknownPlugin


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """`base_url` None is the SDK's own, or for `custom` the user's; `keyless` ones work without a key."""

    name: str
    api: Literal["anthropic", "openai", "compatible"] = "compatible"
    base_url: str | None = None
    keyless: bool = False

    @property
    def credential(self) -> str:
        """The credential type that holds its key, in the field `token` of the instance `default`."""
        return f"{self.name}_key"


PROVIDERS: Mapping[str, Provider] = {
    provider.name: provider
    for provider in (
        Provider(name="anthropic", api="anthropic"),
        Provider(name="openai", api="openai"),
        # https://ai.google.dev/gemini-api/docs/openai
        Provider(
            name="google", base_url="https://generativelanguage.googleapis.com/v1beta/openai/"
        ),
        # https://console.groq.com/docs/openai
        Provider(name="groq", base_url="https://api.groq.com/openai/v1"),
        # https://docs.x.ai/docs/api-reference
        Provider(name="xai", base_url="https://api.x.ai/v1"),
        # https://docs.mistral.ai/api/
        Provider(name="mistral", base_url="https://api.mistral.ai/v1"),
        # https://openrouter.ai/docs/quickstart
        Provider(name="openrouter", base_url="https://openrouter.ai/api/v1"),
        # https://docs.ollama.com/openai
        Provider(name="ollama", base_url="http://localhost:11434/v1", keyless=True),
        Provider(name="custom", keyless=True),
    )
}


def provider(name: str) -> Provider:
    """Raises UnknownPlugin with the nearest match."""
    if name not in PROVIDERS:
        raise UnknownPlugin("LLM provider", name, sorted(PROVIDERS))
    return PROVIDERS[name]
