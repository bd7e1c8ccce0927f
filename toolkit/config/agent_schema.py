"""The configuration of one agent: `agents/<name>/config.toml`, the older `agent-config.toml`, and `[agents.<name>]`."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from .section import Section
from .values import (
    Count,
    Cpus,
    Credentials,
    Dollars,
    EnvironmentName,
    Instance,
    Jitter,
    Memory,
    Percent,
    PollInterval,
    Positive,
    Roles,
    Schedule,
    Seconds,
    Text,
    Texts,
    Timezone,
    Url,
)

Provider = Literal[
    "anthropic", "openai", "groq", "google", "xai", "mistral", "openrouter", "ollama", "custom"
]
AuthType = Literal["api_key", "oauth_token", "pi_auth", "none"]
Wire = Literal["openai", "anthropic"]
Thinking = Literal["off", "minimal", "low", "medium", "high", "xhigh"]


class Price(Section):
    """`price` of a model: US dollars for a million tokens."""

    input: Dollars
    output: Dollars
    cache_read: Dollars | None = None
    cache_write: Dollars | None = None


class ModelSection(Section):
    """`[models.<name>]`, and `[model]` of older projects.  A `custom` one may lack `baseUrl` until it is used."""

    provider: Provider
    model: Text
    auth_type: AuthType = "api_key"
    credential: Instance | None = None
    thinking_level: Thinking | None = None
    base_url: Url | None = None
    wire: Wire | None = None
    max_tokens: Positive | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    context_window: Positive | None = None
    compact_pct: Percent | None = None
    max_parallel: Positive | None = None
    backend_id: Text | None = None
    first_output: Seconds | None = None
    price: Price | None = None
    options: Mapping[str, Any] = Field(default_factory=dict)


class BudgetSection(Section):
    """`[budget]`: what one run may spend; `cost` is in US dollars."""

    tokens: Positive | None = None
    cost: Annotated[float, Field(gt=0)] | None = None
    turns: Positive | None = None
    seconds: Seconds | None = None


class Hooks(Section):
    """`[hooks]`: shell commands before and after a run's session."""

    pre: Texts = ()
    post: Texts = ()


class RuntimeSection(Section):
    """`[runtime]`: whether the agent runs in a container or as another user of this machine."""

    type: Literal["container", "host-user"] = "container"
    run_as: Text = "al-agent"
    groups: Texts = ()


class Preflight(Section):
    """`[[preflight]]`: one step before the session starts."""

    provider: Literal["shell", "http", "git-clone"]
    required: bool = True
    params: Mapping[str, Any] = Field(default_factory=dict)


class AgentConfig(Section):
    """Every key of an agent's own file, old and new."""

    source: Text | None = None
    description: Text | None = None
    models: Texts | None = None
    model: ModelSection | None = None
    credentials: Credentials = ()
    schedule: Schedule | None = None
    timezone: Timezone | None = None
    missed: Literal["skip", "once"] = "skip"
    jitter: Jitter = 0
    webhooks: Annotated[tuple[Mapping[str, Any], ...], Field(strict=False)] = ()
    hooks: Hooks = Field(default_factory=Hooks)
    preflight: Annotated[tuple[Preflight, ...], Field(strict=False)] = ()
    params: Mapping[str, Any] = Field(default_factory=dict)
    budget: BudgetSection = Field(default_factory=BudgetSection)
    scale: Count | None = None
    timeout: Seconds | None = None
    max_work_queue_size: Positive | None = None
    memory: Memory | None = None
    cpus: Cpus | None = None
    arch: Literal["x86_64", "arm64"] = "x86_64"
    spot: bool = False
    runtime: RuntimeSection = Field(default_factory=RuntimeSection)
    environment: EnvironmentName | None = None


def _custom(value: Any) -> Any:
    return {"provider": "custom", "model": value} if isinstance(value, str) else value


class AgentOverride(AgentConfig):
    """`[agents.<name>]` in the project's files: it overrides the agent's own file.

    `model = "name"` with `base_url` means a server of one's own that speaks OpenAI's API.  `roles`, `forge_user` and
    `poll_interval` are of an agent that works in a loop: see hired.py.
    """

    model: Annotated[ModelSection | None, BeforeValidator(_custom)] = None
    base_url: Url | None = None
    api_key: Text | None = None
    compact_pct: Percent | None = None
    roles: Roles | None = None
    forge_user: Text | None = None
    poll_interval: PollInterval | None = None
