"""What a model's name says: which provider it is of, and which id a friendly name stands for.  As data.

Ids age, so no code depends on one; users add their own in `~/.action-llama/config.toml`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from toolkit.core.errors import UnknownPlugin

from .providers import CUSTOM, PROVIDERS, Provider


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """Models whose names begin alike.  `provider` is the one that such a name alone means, None where it could be
    several; `also` are others that serve them, None for every other."""

    prefixes: tuple[str, ...]
    provider: str | None
    also: tuple[str, ...] | None = None


_OPEN = ("groq", "openrouter", CUSTOM)
FAMILIES = (
    Family(prefixes=("claude",), provider="anthropic", also=("openrouter", CUSTOM)),
    # by its name OpenAI's, and served by everybody but OpenAI
    Family(prefixes=("gpt-oss",), provider=None, also=("ollama", *_OPEN)),
    Family(
        prefixes=("gpt", "chatgpt", "o1", "o3", "o4"),
        provider="openai",
        also=("openrouter", CUSTOM),
    ),
    # tuned there, or a tag of anybody's: https://platform.openai.com/docs/guides/supervised-fine-tuning
    Family(prefixes=("ft:",), provider="openai"),
    Family(prefixes=("gemini",), provider="google", also=("openrouter", CUSTOM)),
    Family(prefixes=("grok",), provider="xai", also=("openrouter", CUSTOM)),
    Family(
        prefixes=("mistral", "ministral", "codestral", "devstral", "magistral", "mixtral"),
        provider="ollama",
        also=("mistral", *_OPEN),
    ),
    Family(prefixes=("gemma",), provider="ollama", also=("google", *_OPEN)),
    Family(
        prefixes=(
            *("qwen", "llama", "deepseek", "codellama", "phi"),
            *("yi", "solar", "orca", "vicuna"),
        ),
        provider="ollama",
        also=_OPEN,
    ),
)

# https://docs.anthropic.com/en/docs/about-claude/models/overview and https://ollama.com/library
FRIENDLY: Mapping[str, Mapping[str, str]] = {
    "anthropic": {
        "claude-sonnet-4.5": "claude-sonnet-4-5-20250929",
        "claude-opus-4": "claude-opus-4-20250514",
        "claude-haiku-4.5": "claude-haiku-4-5-20251001",
        "claude-opus-4.5": "claude-opus-4-5-20251101",
        "claude-sonnet-4.6": "claude-sonnet-4-6",
        "claude-opus-4.6": "claude-opus-4-6",
        "claude-opus-4.7": "claude-opus-4-7",
        "claude-opus-4.8": "claude-opus-4-8",
        "claude-haiku-5.5": "claude-haiku-5-5",
        "claude-sonnet-5.5": "claude-sonnet-5-5",
        "claude-opus-5.5": "claude-opus-5-5",
    },
    "ollama": {
        "qwen2.5-coder": "qwen2.5-coder:7b",
        "llama3.2": "llama3.2:3b",
        "deepseek-coder": "deepseek-coder-v2:16b",
        "codellama": "codellama:13b",
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Everything that is known of providers and names: ours, and what the user adds."""

    providers: Mapping[str, Provider] = field(default_factory=lambda: PROVIDERS)
    friendly: Mapping[str, Mapping[str, str]] = field(default_factory=lambda: FRIENDLY)
    families: tuple[Family, ...] = FAMILIES
    # of users only, by the model's name or id; what hosted models cost otherwise is in a library's table
    prices: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def provider(self, name: str) -> Provider:
        """Raises UnknownPlugin with the nearest match."""
        if name not in self.providers:
            raise UnknownPlugin("LLM provider", name, sorted(self.providers))
        return self.providers[name]

    def split(self, text: str) -> tuple[str | None, str]:
        """`provider:model` apart; a tag of Ollama's (`llama3.2:3b`, `mistral:latest`) stays whole."""
        name, _, rest = text.partition(":")
        name = name.strip().lower()
        if not rest or name not in self.providers:
            return None, text
        if self.family(name) and not self.family(rest):
            return None, text  # the provider's name is a model's too, and what follows is a tag
        return name, rest

    def stranger(self, text: str) -> str | None:
        """What stands before a colon where a provider would, and is none; None of a name that is known as it is."""
        name, colon, _ = text.partition(":")
        return name if colon and "/" not in name and self.family(text) is None else None

    def family(self, model: str) -> Family | None:
        """The family with the longest prefix that fits, upper and lower case alike."""
        found = (
            (len(prefix), family)
            for family in self.families
            for prefix in family.prefixes
            if model.lower().startswith(prefix.lower())
        )
        return max(found, key=lambda pair: pair[0], default=(0, None))[1]

    def owner(self, model: str) -> str | None:
        """The provider that a bare name means, if it means one."""
        named = [name for name, known in self.friendly.items() if model in known]
        if len(named) == 1:
            return named[0]
        family = self.family(model)
        return family.provider if family else None

    def fits(self, provider: str, model: str) -> bool:
        """Whether the provider may have a model of this name.  What nobody knows may be anybody's."""
        family = self.family(model)
        if family is None or self.providers[provider].of_user:
            return True
        if model in self.friendly.get(provider, {}):
            return True
        return provider == family.provider or family.also is None or provider in family.also

    def id_of(self, provider: str, model: str) -> str:
        """What the provider calls it."""
        return self.friendly.get(provider, {}).get(model, model)

    def price(self, *names: str) -> Mapping[str, float] | None:
        """The user's own price of the first of these names that has one."""
        return next((self.prices[name] for name in names if name in self.prices), None)

    def known_families(self) -> str:
        """For messages: `claude (anthropic), gpt (openai), ...`."""
        return ", ".join(self._families())

    def _families(self) -> Iterator[str]:
        for family in self.families:
            if family.provider:
                yield f"{'/'.join(family.prefixes)} ({family.provider})"

    def with_more(
        self,
        *,
        providers: Mapping[str, Provider],
        friendly: Mapping[str, Mapping[str, str]],
        families: Mapping[str, str],
        prices: Mapping[str, Mapping[str, float]] | None = None,
    ) -> "Table":
        """With what a user adds: it goes before ours.  `families` are prefix -> provider."""
        names = {
            name: {**self.friendly.get(name, {}), **friendly.get(name, {})}
            for name in {*self.friendly, *friendly}
        }
        more = tuple(Family(prefixes=(p,), provider=name) for p, name in families.items())
        return replace(
            self,
            providers={**self.providers, **providers},
            friendly=names,
            families=(*more, *self.families),
            prices={**self.prices, **(prices or {})},
        )


TABLE = Table()
