"""What a credential type is: its fields, what they become inside a container, and how they are checked."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from .secrets import Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of a credential.  `env` is the variable that the agent's tools see it in, if any."""

    name: str
    label: str = ""
    secret: bool = True
    optional: bool = False
    env: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialType:
    """A type, as data.  `inject` is False for what must never reach an agent (webhook and provisioning secrets).

    `check` looks at the values offline and returns what is wrong with them, in words without values.
    """

    id: str
    label: str
    fields: tuple[Field, ...]
    description: str = ""
    help_url: str = ""
    context: str = ""  # one sentence for the agent: what it is and how to use it
    aliases: Mapping[str, str] = field(default_factory=dict)  # further variables: name -> field
    inject: bool = True
    check: Callable[[Mapping[str, Secret]], list[str]] | None = None

    @property
    def required(self) -> tuple[str, ...]:
        return tuple(f.name for f in self.fields if not f.optional)

    @property
    def secret(self) -> tuple[str, ...]:
        """The fields whose values must not be printed."""
        return tuple(f.name for f in self.fields if f.secret)

    @property
    def environment(self) -> dict[str, str]:
        """variable -> field, for what is injected."""
        if not self.inject:
            return {}
        return {f.env: f.name for f in self.fields if f.env} | dict(self.aliases)
