"""A webhook tried out on this machine: what an agent would be told of it, which agents want it, and why the others do not.

Needs no gateway and no secret: signatures are not looked at.  A fixture is a JSON file with `headers` and `body`, or a file
that is the body itself, with its headers and its source given beside it.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolkit import wiring
from toolkit.core import registry
from toolkit.core.agent import AgentName, Project
from toolkit.core.clock import iso, now
from toolkit.core.errors import ConfigError, UsageError
from toolkit.core.run import Run, Trigger, TriggerKind
from toolkit.core.webhook import WebhookContext, WebhookRequest, payload_of
from toolkit.scheduler.matching import Match, judged
from toolkit.scheduler.roster import of_project
from toolkit.wiring import Services

HOW = 'write {"headers": {...}, "body": {...}}, or give a raw body with --source and --header'


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """`sources` are those that it was tried as.  `context` is None for what is no event, a ping for instance."""

    type: str
    sources: tuple[str, ...]
    context: WebhookContext | None
    matches: tuple[tuple[str, Match], ...] = ()  # with the source's name

    @property
    def wanted_by(self) -> Mapping[AgentName, str]:
        """The agents that would run, each with the source through which."""
        passed = [(source, m.post.agent) for source, m in self.matches if m.verdict.passed]
        return {agent: source for source, agent in reversed(passed)}


def read(path: Path, headers: Sequence[str]) -> WebhookRequest:
    """The fixture in the file.  `headers` are `Name: value`, and win over its own.  Raises UsageError."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path} cannot be read ({error.strerror})", hint=HOW) from error
    given = dict(map(_header, headers))
    fixture = _fixture(raw)
    if fixture is None:
        return WebhookRequest(headers=given, body=raw)
    own = {str(name).lower(): str(value) for name, value in fixture["headers"].items()}
    body = fixture["body"]
    text = body if isinstance(body, str) else json.dumps(body)
    return WebhookRequest(headers=own | given, body=text.encode())


def tried(project: Project, request: WebhookRequest, source: str | None) -> Tried:
    """What would become of it.  `source` is a configured source's name or a type; None: by its headers, and where these do
    not tell, the type of all the sources that there are.

    Raises UsageError when neither says what it is, or its body is none."""
    kind, sources = _kind(project, request, source)
    if (payload := payload_of(request)) is None:
        raise UsageError("the body is no JSON object", hint=HOW)
    context = wiring.webhook_provider(kind).context(request, payload)
    if context is None:
        return Tried(type=kind, sources=sources, context=None)
    roster = of_project(project)
    matches = [(name, match) for name in sources for match in judged(roster, name, context)]
    return Tried(type=kind, sources=sources, context=context, matches=tuple(matches))


def start(services: Services, seen: Tried, agent: AgentName, note: Callable[[str], None]) -> Run:
    """Run the agent on it, as the gateway would.  Raises as `ops.launch.start`."""
    from toolkit.ops import launch

    told = seen.context.to_dict(timestamp=iso(now())) if seen.context else {}
    trigger = Trigger(
        agent=agent, kind=TriggerKind.WEBHOOK, source=seen.wanted_by[agent], context=told
    )
    return launch.start(services, agent, None, trigger=trigger, note=note)


def answer(seen: Tried) -> dict[str, Any]:
    """The same as JSON."""
    return {
        "type": seen.type,
        "sources": list(seen.sources),
        "context": seen.context.to_dict(timestamp=iso(now())) if seen.context else None,
        "agents": [_told(source, match) for source, match in seen.matches],
        "matched": [str(agent) for agent in seen.wanted_by],
    }


def rows(seen: Tried) -> list[tuple[str, str, str, str, str]]:
    """A line for each filter: agent, source, filter, what it wants, what there is."""
    return [row for source, match in seen.matches for row in _rows(source, match)]


def _rows(source: str, match: Match) -> list[tuple[str, str, str, str, str]]:
    agent = f"{match.post.agent}: {'runs' if match.verdict.passed else 'no'}"
    if not match.verdict.reasons:
        return [(agent, source, "-", "everything", "")]
    return [
        (
            agent,
            source,
            f"{'✓' if reason.passed else '✗'} {reason.filter}",
            ", ".join(reason.wanted),
            ", ".join(reason.found) or "nothing",
        )
        for reason in match.verdict.reasons
    ]


def _told(source: str, match: Match) -> dict[str, Any]:
    reasons = [
        {"filter": r.filter, "wanted": list(r.wanted), "found": list(r.found), "passed": r.passed}
        for r in match.verdict.reasons
    ]
    agent = str(match.post.agent)
    return {"agent": agent, "source": source, "matched": match.verdict.passed, "filters": reasons}


def _kind(
    project: Project, request: WebhookRequest, source: str | None
) -> tuple[str, tuple[str, ...]]:
    """The type, and the names of the sources to try."""
    types = {name: str(entry["type"]) for name, entry in project.webhook_sources.items()}
    if source in types:
        return types[source], (source,)
    kind = source or _guessed(request.headers, types)
    if kind.replace("-", "_") not in registry.names("webhook"):
        known = ", ".join(sorted(types)) or "none is configured"
        raise UsageError(f"there is no webhook source {source!r}", hint=f"sources: {known}")
    names = tuple(sorted(name for name, its in types.items() if its == kind))
    if not names:
        hint = "define one as [webhooks.<name>] in config.toml"
        raise ConfigError(f"the project has no webhook source of type {kind!r}", hint=hint)
    return kind, names


def _guessed(headers: Mapping[str, str], types: Mapping[str, str]) -> str:
    """The type that the headers tell of, or the only one of the project's sources."""
    for name in registry.names("webhook"):
        provider = wiring.webhook_provider(name)
        if provider.sent(headers):
            return provider.name
    if len(only := set(types.values())) == 1:
        return only.pop()
    known = ", ".join(sorted(types)) or "none is configured"
    raise UsageError(
        "the headers do not say who sent this",
        hint=f"write its headers into the file, or `al webhook simulate --source`, of: {known}",
    )


def _fixture(raw: bytes) -> Mapping[str, Any] | None:
    """The object with headers and body; None when the file is the body itself."""
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    whole = isinstance(found, dict) and "body" in found and isinstance(found.get("headers"), dict)
    return found if whole else None


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise UsageError(f"{text!r} is no header", hint="write it as 'Name: value'")
    return name.strip().lower(), value.strip()
