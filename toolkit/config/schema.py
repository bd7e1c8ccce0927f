"""The project's configuration, table by table: every key of `config.toml`, `.env.toml` and environment files.

One class per table; toolkit/config/reference.toml shows each key with its meaning, and a test holds the two
together.  What needs several tables, or a file beside them, is checked by the rooms' other files.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from .agent_schema import AgentOverride, ModelSection
from .cloud_schema import Cloud, Images, Pulumi, Server
from .section import Section
from .values import (
    Count,
    Cpus,
    DockerHost,
    Instance,
    Memory,
    Networks,
    Port,
    Positive,
    Repo,
    Seconds,
    Text,
    Timezone,
    Url,
)

SourceKind = Literal[
    "github",
    "sentry",
    "linear",
    "mintlify",
    "discord",
    "twitter",
    "slack",
    "standard-webhooks",
    "test",
]


class Local(Section):
    """`[local]`: limits of every agent's container that sets none of its own, on whatever back end."""

    enabled: bool = True
    runtime: Literal["docker", "process"] | None = None
    docker_host: DockerHost | None = None
    image: Text | None = None
    memory: Memory | None = None
    cpus: Cpus | None = None
    timeout: Seconds = 900


class Gateway(Section):
    """`[gateway]`: where the HTTP gateway listens, and how the world reaches it."""

    port: Port = 8080
    url: Url | None = None
    trusted_proxies: Networks = ()
    max_chat_sessions: Positive | None = None


class WebhookSource(Section):
    """`[webhooks.<name>]`: a sender of events.  The instance of its secret is `credential`, or a key named
    after the secret's type.  `rate_limit` is deliveries a minute from one address."""

    type: SourceKind
    credential: Instance | None = None
    allow_unsigned: bool = False
    rate_limit: Positive | None = None
    github_webhook_secret: Instance | None = Field(None, alias="github_webhook_secret")
    sentry_client_secret: Instance | None = Field(None, alias="sentry_client_secret")
    linear_webhook_secret: Instance | None = Field(None, alias="linear_webhook_secret")
    mintlify_webhook_secret: Instance | None = Field(None, alias="mintlify_webhook_secret")
    slack_signing_secret: Instance | None = Field(None, alias="slack_signing_secret")
    standard_webhooks_secret: Instance | None = Field(None, alias="standard_webhooks_secret")
    discord_bot: Instance | None = Field(None, alias="discord_bot")
    x_twitter_api: Instance | None = Field(None, alias="x_twitter_api")
    x_twitter_user_oauth1: Instance | None = Field(None, alias="x_twitter_user_oauth1")
    x_twitter_user_oauth2: Instance | None = Field(None, alias="x_twitter_user_oauth2")


class Forge(Section):
    """`[forge]`: where hired agents have accounts.  `repo` is `owner/name`: they may write to it."""

    type: Literal["forgejo", "gitea"] = "forgejo"
    url: Url
    repo: Repo | None = None


class Telemetry(Section):
    """`[telemetry]`: OpenTelemetry export; off unless enabled."""

    enabled: bool = False
    provider: Literal["otel", "none", "xray"] = "none"
    endpoint: Url | None = None
    service_name: Text | None = None
    headers: Mapping[str, str] | None = None
    sampling_rate: Annotated[float, Field(ge=0, le=1)] | None = None


class Config(Section):
    """Everything that the merged files may say."""

    name: Text | None = None
    project_name: Text | None = None
    environment: Text | None = None
    timezone: Timezone | None = None
    max_reruns: Count = 10
    max_call_depth: Count = 3
    work_queue_size: Positive = 20
    resource_lock_timeout: Positive = 1800
    backend_wait: Positive = 3600
    one_lock_per_run: bool = False
    scale: Count | None = None
    default_agent_scale: Count = 1
    history_retention_days: Positive = 14
    models: Mapping[str, ModelSection] = Field(default_factory=dict)
    model: ModelSection | None = None
    local: Local = Field(default_factory=Local)
    gateway: Gateway = Field(default_factory=Gateway)
    webhooks: Mapping[str, WebhookSource] = Field(default_factory=dict)
    telemetry: Telemetry = Field(default_factory=Telemetry)
    forge: Forge | None = None
    agents: Mapping[str, AgentOverride] = Field(default_factory=dict)
    cloud: Cloud | None = None
    server: Server | None = None
    images: Images = Field(default_factory=Images)
    pulumi: Pulumi = Field(default_factory=Pulumi)


def defaults() -> dict[str, Any]:
    """The lowest layer: what holds when no file says anything."""
    values = Config().model_dump(mode="json", by_alias=True, exclude_none=True)
    return {key: value for key, value in values.items() if value != {}}
