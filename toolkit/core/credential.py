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
class Probe:
    """One GET that changes nothing, and whose answer tells whether the issuer takes the values.

    `headers` are templates over the fields, as in `Bearer {token}`.  A status among `refused` means that the issuer
    does not take them, any 2xx that it does, and every other decides nothing.  `agrees` names a field of the JSON
    answer that must be true, for issuers that refuse with 200.  `provider` is the LLM provider that it is the key of:
    where a model has a base URL of its own, the key is that server's, and is not shown to this one.
    """

    url: str
    headers: Mapping[str, str]
    refused: frozenset[int] = frozenset({401})
    agrees: str = ""
    provider: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialType:
    """A type, as data.  `inject` is False for what must never reach an agent (webhook and provisioning secrets).

    `check` looks at the values offline and returns what is wrong with them, in words without values.  `probe` is how
    to ask their issuer, for types whose issuer has such a question.
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
    probe: Probe | None = None

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
