"""Where settings of a model can come from: each place read into candidates, none of them chosen yet.

Chooses nothing and asks nobody; `bundle.py` does the first, and nobody here the second.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from toolkit.core.agent import CredentialRef, Model
from toolkit.core.errors import ConfigError
from toolkit.core.secrets import Secret

from .names import Table
from .providers import THINKING


class Rank(IntEnum):
    """Who wins: the higher one."""

    DEFAULT = 0
    USER = 1  # the user's config file, and the stored credentials
    CONFIG = 2  # the agent's and the project's files
    VARIABLE = 3  # LLM_PROVIDER and its like
    OWN_VARIABLE = 4  # AL_LLM_PROVIDER and its like
    FLAG = 5
    RUN = 6  # the run itself

    @property
    def place(self) -> "Rank":
        """The same for both kinds of variables: whoever sets one sets the other."""
        return Rank.VARIABLE if self is Rank.OWN_VARIABLE else self


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A value for a setting.  `provider` is whose it is, where that is certain: a key's, a configured model's."""

    setting: str
    value: Any
    rank: Rank
    origin: str
    provider: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Flags:
    """What was typed: None is not given.  `compatible`: another size of the model will do, where only that is there.

    `rank` is RUN where the run itself was asked for with it.  `keys` are those that somebody was asked for, by provider:
    they are for a run whose provider was chosen without them."""

    provider: str | None = None
    model: str | None = None
    anthropic_key: Secret | None = None
    compatible: bool = False
    rank: Rank = Rank.FLAG
    keys: Mapping[str, Secret] = field(default_factory=dict)

    @property
    def given(self) -> bool:
        return self.compatible or any(
            value is not None for value in (self.provider, self.model, self.anthropic_key)
        )


LIMITS = ("max_tokens", "temperature", "context_window", "compact_pct")
SETTINGS = ("provider", "model", "base_url", "key", "thinking_level", *LIMITS)


def from_flags(flags: Flags, table: Table) -> Iterator[Candidate]:
    """Raises ConfigError for an unknown provider or an empty value."""
    if flags.provider is not None:
        origin = _origin(flags, "--llm-provider")
        name = _provider(flags.provider, origin, table)
        yield Candidate(setting="provider", value=name, rank=flags.rank, origin=origin)
    if flags.model is not None:
        origin = _origin(flags, "--llm-model")
        name = _model(flags.model, origin, table)
        yield Candidate(setting="model", value=name, rank=flags.rank, origin=origin)
    if flags.anthropic_key is not None:
        yield Candidate(
            setting="key",
            value=flags.anthropic_key,
            rank=flags.rank,
            origin=_origin(flags, "--anthropic-key"),
            provider="anthropic",
        )
    for name, key in flags.keys.items():  # as if its variable had been set
        yield Candidate(
            setting="key", value=key, rank=Rank.OWN_VARIABLE, origin="typed", provider=name
        )


def _origin(flags: Flags, option: str) -> str:
    return "this run" if flags.rank is Rank.RUN else option


def from_variables(variables: Mapping[str, str], table: Table) -> Iterator[Candidate]:
    """AL_LLM_PROVIDER before LLM_PROVIDER, and the keys' variables.  An empty variable counts as not set.

    Raises ConfigError naming the variable and its value, but no key.
    """
    present = {name: text.strip() for name, text in variables.items() if text.strip()}
    plain = {f"LLM_{name}": setting for name, setting in _PLAIN.items()}
    own = {f"AL_LLM_{name}": setting for name, setting in {**_PLAIN, **_OWN}.items()}
    for rank, names in ((Rank.OWN_VARIABLE, own), (Rank.VARIABLE, plain)):
        for variable, setting in names.items():
            if text := present.get(variable):
                value = _read(setting, text, variable, table)
                yield Candidate(setting=setting, value=value, rank=rank, origin=variable)
    yield from _keys(present, table)


def _keys(present: Mapping[str, str], table: Table) -> Iterator[Candidate]:
    if text := present.get("AL_LLM_API_KEY"):
        yield Candidate(
            setting="key", value=Secret(text), rank=Rank.OWN_VARIABLE, origin="AL_LLM_API_KEY"
        )
    for provider in table.providers.values():
        for variable in provider.key_variables:
            if text := present.get(variable):
                yield Candidate(
                    setting="key",
                    value=Secret(text),
                    rank=Rank.VARIABLE,
                    origin=variable,
                    provider=provider.name,
                )


def from_model(model: Model) -> Iterator[Candidate]:
    """What the agent's and the project's files say of a model."""
    limits = {name: model.options[name] for name in LIMITS if name in model.options}
    options = {name: value for name, value in model.options.items() if name not in LIMITS}
    found: Mapping[str, Any] = {
        "provider": model.provider,
        "model": model.model,
        "base_url": model.base_url,
        "thinking_level": model.thinking_level,
        "auth_type": model.auth_type if model.auth_type != "api_key" else None,
        "wire": model.wire,
        "options": options or None,
        **limits,
    }
    for setting, value in found.items():
        if value is not None:
            yield Candidate(
                setting=setting,
                value=value,
                rank=Rank.CONFIG,
                origin=model.origin or f"the model {model.name!r}",
                provider=model.provider,
            )


def from_user(values: Mapping[str, Any], origin: str, table: Table) -> Iterator[Candidate]:
    """`[llm]` of the user's config file, checked already.  Raises ConfigError for an unknown provider."""
    for setting in SETTINGS:
        if (value := values.get(setting)) is None:
            continue
        if setting in _NAMES:
            value = _NAMES[setting](value, f"{origin}: llm.{setting}", table)
        yield Candidate(setting=setting, value=value, rank=Rank.USER, origin=origin)


def from_stored(
    keys: Mapping[str, Secret], refs: Mapping[str, CredentialRef], where: str
) -> Iterator[Candidate]:
    """Keys by provider, from the store that `where` names, where they are `refs`."""
    for name, key in keys.items():
        ref = refs[name]
        yield Candidate(
            setting="key", value=key, rank=Rank.USER, origin=f"{ref}, {where}", provider=name
        )


def _provider(text: str, origin: str, table: Table) -> str:
    name = text.strip().lower()
    try:
        return table.provider(name).name
    except ConfigError as error:
        known = ", ".join(table.providers)
        raise ConfigError(f"{origin}: {error.message}", hint=f"use one of: {known}") from error


def _model(text: str, origin: str, table: Table) -> str:
    """With a colon it has something on both sides of it: a provider's model, or a tag of Ollama's."""
    name, colon, rest = (part.strip() for part in text.partition(":"))
    if not name and not rest:
        raise ConfigError(f"{origin}: is empty", hint="name a model, or leave it out")
    if colon and not (name and rest):
        known = name.lower() in table.providers
        example = f"{name.lower()}:MODEL" if known else "MODEL or PROVIDER:MODEL"
        default = f", or --llm-provider {name.lower()} alone for its default" if known else ""
        raise ConfigError(f"{origin}: {text!r} names no model", hint=f"write {example}{default}")
    return f"{name}{colon}{rest}"


def _read(setting: str, text: str, origin: str, table: Table) -> Any:
    if setting in _NAMES:
        return _NAMES[setting](text, origin, table)
    if setting == "thinking_level" and text not in THINKING:
        raise ConfigError(f"{origin}: {text!r} is no level", hint=f"use {', '.join(THINKING)}")
    if setting in _NUMBERS:
        return _number(setting, text, origin)
    return text


def _number(setting: str, text: str, origin: str) -> float:
    kind, least, most, words = _NUMBERS[setting]
    try:
        value = kind(text)
    except ValueError:
        value = None
    if value is None or not least <= value <= most:
        raise ConfigError(f"{origin}: {text!r} is not {words}", hint=f"set {words}, or unset it")
    return value


_NAMES = {"provider": _provider, "model": _model}
_PLAIN = {"PROVIDER": "provider", "MODEL": "model", "BASE_URL": "base_url"}
_OWN = {name.upper(): name for name in ("thinking_level", *LIMITS)}
_NUMBERS: Mapping[str, tuple[Callable[[str], float], float, float, str]] = {
    "max_tokens": (int, 1, float("inf"), "a whole number of at least 1"),
    "context_window": (int, 1, float("inf"), "a whole number of at least 1"),
    "temperature": (float, 0, 2, "a number from 0 to 2"),
    "compact_pct": (int, 1, 100, "a whole number from 1 to 100"),
}
