"""The settings of one model as one bundle: provider, model, address, key, limits, each with its origin.

What `resolve.py` answers with; nothing is decided here.  A key leaves its Secret only to be looked at for its kind.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from toolkit.core.agent import Model
from toolkit.core.errors import AlError, CredentialError
from toolkit.core.secrets import Secret

from .candidates import LIMITS, Rank
from .keys import in_header
from .names import Table
from .ownership import Refusal
from .providers import CUSTOM, Provider, Wire

_KEYLESS = ("none", "pi_auth")
_LOGIN = re.compile(r"://[^/\s]*@")


class KeyMissing(CredentialError):
    """The key of `provider` is needed and nowhere: somebody may be there to type it."""

    def __init__(self, provider: str, message: str, *, hint: str) -> None:
        super().__init__(message, hint=hint)
        self.provider = provider


@dataclass(frozen=True, slots=True, kw_only=True)
class Other:
    """A candidate that did not win.  `refused` says why it could not; None when a higher one won."""

    value: Any
    origin: str
    rank: Rank
    refused: Refusal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What a setting came to.  `rank` is the winner's; `others` are highest first."""

    setting: str
    value: Any
    origin: str
    rank: Rank = Rank.DEFAULT
    others: tuple[Other, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """Everything that a session needs to know of one model."""

    provider: Provider
    name: str  # as it was asked for
    model: str  # the provider's id of it
    base_url: str
    key: Secret | None
    auth_type: str
    wire: Wire
    thinking_level: str | None
    options: Mapping[str, Any]

    def as_model(self) -> Model:
        """For a container, which knows only our own table: a provider of the user's is a `custom` one there."""
        return Model(
            name=self.name,
            provider=CUSTOM if self.provider.of_user else self.provider.name,
            model=self.model,
            auth_type=self.auth_type,
            thinking_level=self.thinking_level,
            base_url=self.base_url,
            options=self.options,
            wire=self.wire if self.wire != self.provider.wire or self.provider.of_user else None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """What the candidates came to, also where that cannot be used: `problems` says why, `notes` what was dropped."""

    provider: Provider
    choices: Mapping[str, Choice]
    problems: tuple[AlError, ...]
    notes: tuple[str, ...]
    table: Table

    def bundle(self) -> Bundle:
        """Raises ConfigError for what contradicts itself, KeyMissing for a key that is nowhere,
        CredentialError for one that cannot be sent."""
        if self.problems:
            raise self.problems[0]
        values = {name: choice.value for name, choice in self.choices.items()}
        key = values["key"]
        if key is None and self.needs_key:
            raise self._no_key()
        if key is not None:
            in_header(key, self.provider.name)  # refused here, before anything is begun with it
        limits = {name: values[name] for name in LIMITS if values[name] is not None}
        identity = self.table.id_of(self.provider.name, self.model)
        if price := self.table.price(self.model, identity):
            limits["price"] = price
        return Bundle(
            provider=self.provider,
            name=values["model"],
            model=identity,
            base_url=values["base_url"],
            key=key,
            auth_type=self._auth(key),
            wire=values["wire"] or self.provider.wire,
            thinking_level=values["thinking_level"],
            options={**limits, **(values["options"] or {})},
        )

    @property
    def model(self) -> str:
        """The model's name without a provider before it."""
        choice = self.choices["model"]
        text = str(choice.value or "")
        name, rest = self.table.split(text)
        return rest if name == self.provider.name and choice.rank is not Rank.CONFIG else text

    @property
    def needs_key(self) -> bool:
        return not self.provider.keyless and self.choices["auth_type"].value not in _KEYLESS

    @property
    def key_state(self) -> str:
        """`set`, `missing` or `not needed`."""
        if self.choices["key"].value is not None:
            return "set"
        return "missing" if self.needs_key else "not needed"

    def line(self) -> str:
        """What a run says when it starts."""
        told = {
            "provider": self.provider.name,
            "model": self.table.id_of(self.provider.name, self.model) or "missing",
            "base_url": shown(self.choices["base_url"].value) or "missing",
            "key": self.key_state,
        }
        return "llm: " + "  ".join(self._told(name, value) for name, value in told.items())

    def _told(self, name: str, value: str) -> str:
        origin = self.choices[name].origin
        return f"{name}={value}" + (f" ({origin})" if origin else "")

    def _auth(self, key: Secret | None) -> str:
        prefix, told = self.provider.oauth_prefix, self.choices["auth_type"].value
        if key is None:
            return told or "none"
        if prefix and key.reveal().startswith(prefix):
            return "oauth_token"
        return told if told and told not in _KEYLESS else "api_key"

    def _no_key(self) -> KeyMissing:
        known = " or ".join(self.provider.key_variables)
        ways = [f"set {known}"] if known else []
        ways += [f"`al creds add {self.provider.stored_key}`"]
        return KeyMissing(
            self.provider.name,
            f"{self.provider.name} needs a key, and there is none "
            f"(provider: {self.choices['provider'].origin})",
            hint=f"{', or '.join(ways)}; without a key: --llm-provider ollama",
        )


def shown(value: Any) -> Any:
    """A value for people: of a secret that it is set, and an address without the password that should not be in it."""
    if isinstance(value, Secret):
        return "set"
    return _LOGIN.sub("://***@", value) if isinstance(value, str) else value
