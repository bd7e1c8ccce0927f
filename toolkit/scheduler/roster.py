"""What the scheduler must know of a project's agents: when each starts, how many at once, on which webhooks.

`al start` makes it from the project and makes it anew when a file changes; a deployed gateway reads what the last push
recorded, the fact `roster`.  Pure, and nothing secret is in it.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from toolkit.core.agent import Agent, AgentName, CredentialRef, Project, WebhookTrigger
from toolkit.core.errors import NotFound
from toolkit.llm.backend import Backend, backends_of

FACT = "roster"
DEFAULT_TIMEZONE = "UTC"


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """One agent's entry.  `timeout` and `jitter` are seconds; `missed` says what becomes of ticks that nobody was there
    for: "skip", or "once" for one run that makes them all good.

    `roles` are those of an agent that was hired, which works only while it is up; `every` is its loop, in seconds."""

    agent: AgentName
    description: str = ""
    schedule: str | None = None
    timezone: str = DEFAULT_TIMEZONE
    missed: str = "skip"
    jitter: int = 0
    scale: int = 1
    max_queue: int = 20
    timeout: int = 900
    webhooks: tuple[WebhookTrigger, ...] = ()
    roles: tuple[str, ...] = ()
    every: int | None = None
    backends: tuple[
        Backend, ...
    ] = ()  # of the models in its image, which bear so many runs at once
    environment: str | None = None  # where its runs are; None where its scheduler's are

    @property
    def timing(self) -> str | None:
        """When it starts by itself, in words; None for never."""
        return self.schedule or (f"every {self.every} s" if self.every else None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A sender of webhooks.  `credentials` verify its signatures, the first type first."""

    name: str
    type: str
    credentials: tuple[CredentialRef, ...] = ()
    allow_unsigned: bool = False
    rate: int | None = None  # deliveries a minute and address, where it is limited


@dataclass(frozen=True, slots=True, kw_only=True)
class Roster:
    """All agents and sources, and the project's own limits.  Lock times are seconds."""

    project: str = ""
    posts: Mapping[str, Post] = field(default_factory=dict)
    sources: Mapping[str, Source] = field(default_factory=dict)
    others: tuple[AgentName, ...] = ()  # agents of the project that whoever has this does not serve
    total: int | None = None  # how many runs at once, of all agents
    max_reruns: int = 10
    max_call_depth: int = 3
    lock_seconds: int = 1800
    one_lock: bool = False  # whether a run may hold one lock at a time
    retention_days: int = 14
    backend_wait: int = 3600  # seconds that a run waits for its turn at a backend

    def post(self, agent: str) -> Post:
        """Raises NotFound."""
        if agent not in self.posts:
            known = ", ".join(sorted(self.posts)) or "none"
            raise NotFound(f"no agent named {agent!r}", hint=f"known agents: {known}")
        return self.posts[agent]

    def to_fact(self) -> dict[str, Any]:
        """Plain JSON, the same for the same roster."""
        plain: dict[str, Any] = json.loads(
            json.dumps(asdict(self))
        )  # lists, where there are tuples
        return plain

    @classmethod
    def from_fact(cls, fact: Mapping[str, Any]) -> "Roster":
        """Fields that this version does not know are left out: a newer `al` may have pushed."""
        known = _known(cls, fact)
        posts = {name: _post(data) for name, data in known.pop("posts", {}).items()}
        sources = {name: _source(data) for name, data in known.pop("sources", {}).items()}
        others = tuple(map(AgentName, known.pop("others", ())))
        return cls(**known, posts=posts, sources=sources, others=others)


def of_project(project: Project) -> Roster:
    """The roster as the project's files have it."""
    settings = project.settings
    return Roster(
        project=project.name,
        posts={str(agent.name): of_agent(agent) for agent in project.agents},
        sources={name: of_source(name, data) for name, data in project.webhook_sources.items()},
        others=project.others,
        total=project.scale,
        max_reruns=settings.get("maxReruns", 10),
        max_call_depth=settings.get("maxCallDepth", 3),
        lock_seconds=settings.get("resourceLockTimeout", 1800),
        one_lock=settings.get("oneLockPerRun", False),
        retention_days=settings.get("historyRetentionDays", 14),
        backend_wait=settings.get("backendWait", 3600),
    )


def of_agent(agent: Agent) -> Post:
    return Post(
        agent=agent.name,
        description=agent.description,
        schedule=agent.schedule,
        timezone=agent.timezone or DEFAULT_TIMEZONE,
        missed=agent.missed,
        jitter=agent.jitter,
        scale=agent.scale,
        max_queue=agent.max_queue,
        timeout=agent.timeout,
        webhooks=agent.webhooks,
        roles=agent.hired.roles if agent.hired else (),
        every=agent.hired.poll if agent.hired else None,
        backends=() if agent.script else backends_of(agent.models),
        environment=agent.environment,
    )


def of_source(name: str, data: Mapping[str, Any]) -> Source:
    """From what the configuration calls a webhook source."""
    return Source(
        name=name,
        type=data["type"],
        credentials=tuple(CredentialRef.parse(text) for text in data.get("credentials", ())),
        allow_unsigned=data.get("allowUnsigned", False),
        rate=data.get("rateLimit"),
    )


def _post(data: Mapping[str, Any]) -> Post:
    known = _known(Post, data)
    hooks = tuple(WebhookTrigger(**hook) for hook in known.pop("webhooks", ()))
    own = {"agent": AgentName(known["agent"]), "roles": tuple(known.get("roles", ()))}
    backends = tuple(Backend(**_known(Backend, one)) for one in known.pop("backends", ()))
    return Post(**known | own, webhooks=hooks, backends=backends)


def _source(data: Mapping[str, Any]) -> Source:
    known = _known(Source, data)
    credentials = tuple(CredentialRef(**ref) for ref in known.pop("credentials", ()))
    return Source(**known, credentials=credentials)


def _known(kind: type, data: Mapping[str, Any]) -> dict[str, Any]:
    return {field.name: data[field.name] for field in fields(kind) if field.name in data}
