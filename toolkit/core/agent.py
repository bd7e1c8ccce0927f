"""What an agent is: parsed from its files at the edge, trusted inside."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from .errors import ConfigError, UsageError

_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


class AgentName(str):
    """1-64 lower-case letters, digits and single inner hyphens, and not `default`."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> "AgentName":
        """The one door to an AgentName.  Raises ConfigError."""
        if not _NAME.fullmatch(text) or len(text) > 64 or text == "default":
            raise ConfigError(
                f"{text!r} is not an agent name",
                hint="use 1-64 lower-case letters, digits and single inner hyphens, and not 'default'",
            )
        return cls(text)


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialRef:
    """`type` or `type:instance`: which credential an agent may use.  The instance defaults to `default`."""

    type: str
    instance: str = "default"

    @classmethod
    def parse(cls, text: str) -> "CredentialRef":
        """Raises ConfigError.  Parts are trimmed; what may stand in one is what a path and both clouds accept."""
        kind, _, instance = (part.strip() for part in text.partition(":"))
        ref = cls(type=kind, instance=instance or "default")
        if not re.fullmatch(r"[a-z0-9_]{1,64}", ref.type) or not re.fullmatch(
            r"[A-Za-z0-9_@+=][A-Za-z0-9_.@+=-]{0,127}", ref.instance
        ):
            raise ConfigError(
                f"{text!r} is not a credential reference",
                hint="write 'type' or 'type:instance', e.g. 'github_token'",
            )
        return ref

    def __str__(self) -> str:
        return self.type if self.instance == "default" else f"{self.type}:{self.instance}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """One named model of the project's `[models.*]`.  `wire` is whose API a custom server speaks; None: its provider's.

    `origin` is where it is written, for messages.  `key_instance` is which `<provider>_key` it is asked with.
    """

    name: str
    provider: str
    model: str
    auth_type: str = "api_key"
    thinking_level: str | None = None
    base_url: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    wire: str | None = None
    key_instance: str = "default"
    origin: str = field(default="", compare=False)

    def to_dict(self) -> dict[str, Any]:
        """As a container gets it: in agent-config.json, and in a run's secret."""
        made = {
            "name": self.name,
            "provider": self.provider,
            "model": self.model,
            "authType": self.auth_type,
            "thinkingLevel": self.thinking_level,
            "baseUrl": self.base_url,
            "options": dict(self.options),
        }
        own = {"keyInstance": self.key_instance} if self.key_instance != "default" else {}
        return made | ({"wire": self.wire} if self.wire else {}) | own


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookTrigger:
    """One `[[webhooks]]` entry of an agent: the source's name and the filters on its events."""

    source: str
    filters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class PreflightStep:
    provider: str
    required: bool = True
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hired:
    """What makes an agent work in a loop of its own, from `al up` to `al down`.

    `poll` is how many seconds pass from one start to the next; None for one that only its schedule and webhooks start.
    """

    roles: tuple[str, ...] = ("dev",)
    forge_user: str = ""
    poll: int | None = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """An agent as loaded and validated.  `timeout` is seconds; `memory` bytes; None means the back end's default."""

    name: AgentName
    directory: Path
    instructions: str
    description: str = ""
    models: tuple[Model, ...] = ()
    credentials: tuple[CredentialRef, ...] = ()
    schedule: str | None = None
    timezone: str | None = None
    missed: str = "skip"  # ticks that nobody was there for; or "once": one run makes them all good
    jitter: int = 0  # seconds by which a scheduled start may be late
    webhooks: tuple[WebhookTrigger, ...] = ()
    hooks_pre: tuple[str, ...] = ()
    hooks_post: tuple[str, ...] = ()
    preflight: tuple[PreflightStep, ...] = ()
    params: Mapping[str, Any] = field(default_factory=dict)
    budget: Mapping[str, float] = field(default_factory=dict)  # of one run: see inside/budget.py
    scale: int = 1
    timeout: int = 900
    max_queue: int = 20
    memory: int | None = None
    cpus: float | None = None
    arch: str = "x86_64"  # or "arm64"
    spot: bool = (
        False  # on Fargate: cheaper capacity that AWS may take back with two minutes' notice
    )
    isolation: str = "container"
    run_as: str = "al-agent"
    groups: tuple[str, ...] = ()
    environment: str | None = (
        None  # where its runs are, where that is another one than its scheduler's
    )
    script: bool = False  # agents/<name>/test-script.sh runs instead of a model
    dockerfile: bool = False
    hired: Hired | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A project directory as loaded: its agents, and what the user set for all of them."""

    name: str
    directory: Path
    agents: tuple[Agent, ...]
    models: Mapping[str, Model] = field(default_factory=dict)
    scale: int | None = None
    webhook_sources: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)  # the merged configuration, validated
    warnings: tuple[str, ...] = ()
    others: tuple[AgentName, ...] = ()  # agents of its files that are left out of `agents`

    def agent(self, name: str) -> Agent:
        """Raises UsageError with the nearest name, or the known ones."""
        for agent in self.agents:
            if agent.name == name:
                return agent
        names = [str(agent.name) for agent in self.agents]
        close = get_close_matches(name, names, n=1)
        hint = (
            f"did you mean {close[0]!r}?"
            if close
            else f"known agents: {', '.join(names) or 'none'}"
        )
        raise UsageError(f"no agent named {name!r} in {self.name}", hint=hint)
