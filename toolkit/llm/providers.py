"""The providers that a model can be of, as data.

Anthropic and OpenAI have APIs of their own; every other provider is reached through its OpenAI-compatible one.
Knows no SDK, so that configuration can be checked without one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from toolkit.core.agent import CredentialRef
from toolkit.core.errors import UnknownPlugin

Wire = Literal["openai", "anthropic"]
CUSTOM = "custom"
THINKING = ("off", "minimal", "low", "medium", "high", "xhigh")


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """`base_url` None is for `custom`: the user's own.  `keyless` ones are servers that need no key.

    `parameters` are requests' parameters that have another name there: ours -> theirs.  `of_user`: it is in no table of
    ours, so that a container is told of it as a `custom` one.
    """

    name: str
    api: Literal["anthropic", "openai", "compatible"] = "compatible"
    base_url: str | None = None
    keyless: bool = False
    key_variables: tuple[str, ...] = ()
    default_model: str | None = None
    oauth_prefix: str = ""  # of keys that are a subscription's login rather than an API key
    parameters: Mapping[str, str] = field(default_factory=dict)
    of_user: bool = False

    @property
    def wire(self) -> Wire:
        """Whose API it speaks."""
        return "anthropic" if self.api == "anthropic" else "openai"

    @property
    def stored_key(self) -> CredentialRef:
        """The credential that holds its key, in the field `token`."""
        if self.of_user:
            return CredentialRef(type=f"{CUSTOM}_key", instance=self.name)
        return CredentialRef(type=f"{self.name}_key")

    @property
    def credential(self) -> str:
        """The credential type that holds its key."""
        return self.stored_key.type


# The order is that of the smart default: the first one with a key is taken.
PROVIDERS: Mapping[str, Provider] = {
    provider.name: provider
    for provider in (
        # https://docs.anthropic.com/en/api/overview
        Provider(
            name="anthropic",
            api="anthropic",
            base_url="https://api.anthropic.com",
            key_variables=("ANTHROPIC_API_KEY",),
            default_model="claude-sonnet-5-5",
            oauth_prefix="sk-ant-oat",
        ),
        # https://platform.openai.com/docs/api-reference
        Provider(
            name="openai",
            api="openai",
            base_url="https://api.openai.com/v1",
            key_variables=("OPENAI_API_KEY",),
            default_model="gpt-5.6-terra",
        ),
        # https://ai.google.dev/gemini-api/docs/openai
        Provider(
            name="google",
            base_url="https://generativelanguage.googleapis.com/v1beta/openai/",
            key_variables=("GEMINI_API_KEY", "GOOGLE_API_KEY"),
            default_model="gemini-3.8-flash",
        ),
        # https://console.groq.com/docs/openai
        Provider(
            name="groq",
            base_url="https://api.groq.com/openai/v1",
            key_variables=("GROQ_API_KEY",),
            default_model="openai/gpt-oss-120b",
        ),
        # https://docs.x.ai/docs/api-reference
        Provider(
            name="xai",
            base_url="https://api.x.ai/v1",
            key_variables=("XAI_API_KEY",),
            default_model="grok-4.3",
        ),
        # https://docs.mistral.ai/api/
        Provider(
            name="mistral",
            base_url="https://api.mistral.ai/v1",
            key_variables=("MISTRAL_API_KEY",),
            default_model="mistral-large-latest",
        ),
        # https://openrouter.ai/docs/quickstart
        Provider(
            name="openrouter",
            base_url="https://openrouter.ai/api/v1",
            key_variables=("OPENROUTER_API_KEY",),
            default_model="openrouter/auto",
        ),
        # https://docs.ollama.com/openai, and for the names of its own API https://docs.ollama.com/modelfile
        Provider(
            name="ollama",
            base_url="http://localhost:11434",
            keyless=True,
            default_model="qwen2.5-coder:7b",
            parameters={"max_tokens": "num_predict", "context_window": "num_ctx"},
        ),
        Provider(name=CUSTOM, keyless=True, key_variables=("LLM_API_KEY",)),
    )
}


def provider(name: str) -> Provider:
    """Raises UnknownPlugin with the nearest match."""
    if name not in PROVIDERS:
        raise UnknownPlugin("LLM provider", name, sorted(PROVIDERS))
    return PROVIDERS[name]
