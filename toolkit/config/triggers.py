"""Webhook sources and the triggers that refer to them: which types there are, their secrets, their filters.

Data first: a new type is one line in SOURCES.  Matching events against filters is the scheduler's (scheduler/matching).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic.alias_generators import to_snake

from toolkit.core.agent import WebhookTrigger

from .problems import Findings, nearest
from .schema import WebhookSource


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceType:
    """The credential types of a webhook provider (the first one verifies signatures), and its filter fields."""

    secrets: tuple[str, ...]
    filters: frozenset[str]


def _type(secrets: str, filters: str) -> SourceType:
    return SourceType(secrets=tuple(secrets.split()), filters=frozenset(filters.split()))


SOURCES: Mapping[str, SourceType] = {
    "github": _type(
        "github_webhook_secret",
        "events actions repos org orgs labels assignee author branches conclusions",
    ),
    "sentry": _type("sentry_client_secret", "resources"),
    "linear": _type("linear_webhook_secret", "events actions organizations labels assignee author"),
    "mintlify": _type("mintlify_webhook_secret", "events actions repos branches"),
    "discord": _type("discord_bot", "events guilds channels commands"),
    "twitter": _type("x_twitter_api x_twitter_user_oauth1 x_twitter_user_oauth2", "events repos"),
    "slack": _type("slack_signing_secret", "events channels team_ids"),
    "standard-webhooks": _type("standard_webhooks_secret", "events actions"),
    "test": _type("", "events actions repos"),
}
_MEANT = {
    "repository": "repos",
    "repo": "repos",
    "projects": "repos",
    "users": "repos",
    "event": "events",
    "action": "actions",
    "label": "labels",
    "branch": "branches",
    "organization": "organizations",
    "guild": "guilds",
    "channel": "channels",
    "command": "commands",
}


def described(name: str, source: WebhookSource, file: str, findings: Findings) -> dict[str, Any]:
    """The source as the rest of the product sees it: type, allowUnsigned, its limit if any, and the secrets' references."""
    kind = SOURCES[source.type]
    chosen = source.model_dump(by_alias=True, exclude_none=True)
    secrets = {key for entry in SOURCES.values() for key in entry.secrets}
    for key in sorted(secrets & chosen.keys() - set(kind.secrets)):
        remedy = nearest(key, kind.secrets, otherwise="remove it: use one of {known}")
        findings.error(file, f"webhooks.{name}.{key}", f"is no secret of {source.type}", remedy)
    default = source.credential or "default"
    wanted = [key for key in kind.secrets if key in chosen] or list(kind.secrets[:1])
    limit = {} if source.rate_limit is None else {"rateLimit": source.rate_limit}
    found: dict[str, Any] = {
        "type": source.type,
        "allowUnsigned": source.allow_unsigned,
        "credentials": [f"{key}:{chosen.get(key, default)}" for key in wanted],
    }
    return found | ({"rateLimit": source.rate_limit} if source.rate_limit else {}) | limit


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerReader:
    """Reads the `[[webhooks]]` of agents.  `sources` are the project's, by name, with their type."""

    sources: Mapping[str, str]
    findings: Findings

    def read(self, entry: Mapping[str, Any], file: str, key: str) -> WebhookTrigger | None:
        """The trigger, or None and findings."""
        source = entry.get("source")
        if not isinstance(source, str):
            self.findings.error(file, f"{key}.source", "is required", self._choices(""))
            return None
        if source not in self.sources:
            words = f"no webhook source named {source!r}"
            self.findings.error(file, f"{key}.source", words, self._choices(source))
            return None
        filters = {to_snake(name): value for name, value in entry.items() if name != "source"}
        for name, value in filters.items():
            self._check_filter(self.sources[source], name, value, file, f"{key}.{name}")
        return WebhookTrigger(source=source, filters=filters)

    def _choices(self, source: str) -> str:
        return nearest(
            source, self.sources, otherwise="define it as [webhooks.<name>] in config.toml"
        )

    def _check_filter(self, kind: str, name: str, value: Any, file: str, key: str) -> None:
        known = SOURCES[kind].filters if kind in SOURCES else {name}
        if name not in known:
            meant = _MEANT.get(name)
            remedy = f"did you mean {meant!r}?" if meant in known else nearest(name, known)
            self.findings.error(file, key, f"is no filter of {kind}", remedy)
        items = value if isinstance(value, list) else [value]
        if not items or not all(isinstance(item, str) for item in items):
            self.findings.error(file, key, "must be text or a list of texts", 'write ["value"]')
