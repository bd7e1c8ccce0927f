"""Sentry's webhooks (integration platform).

Signature and events: https://docs.sentry.io/organization/integrations/integration-platform/webhooks/

The header with the time is not signed, so it proves nothing and is not looked at; retries carry the same `Request-ID`.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from toolkit.core.secrets import Secret
from toolkit.core.webhook import Payload, Provider, WebhookContext, WebhookRequest

from ._fields import at, first, text
from ._signing import hex_hmac, same

SIGNATURE = "sentry-hook-signature"


def verify(request: WebhookRequest, secret: Secret, moment: datetime) -> bool:
    return same(request.headers.get(SIGNATURE), hex_hmac(secret, request.body))


def delivery(request: WebhookRequest, payload: Payload) -> str | None:
    return request.headers.get("request-id")


def context(request: WebhookRequest, payload: Payload) -> WebhookContext | None:
    event = text({"": request.headers.get("sentry-hook-resource")}, "")
    if event is None:
        return None
    return WebhookContext(
        source="sentry",
        event=event,
        action=text(payload, "action"),
        sender=first(text(payload, "actor", "name"), text(payload, "actor", "type")) or "sentry",
        **_READERS.get(event, _issue)(at(payload, "data")),
    )


def _event_alert(data: Any) -> dict[str, Any]:
    event = at(data, "event")
    return {
        "repo": text(data, "triggered_rule"),
        "title": text(event, "title"),
        "body": first(text(event, "message"), text(event, "culprit")),
        "url": first(text(event, "web_url"), text(event, "url")),
    }


def _metric_alert(data: Any) -> dict[str, Any]:
    alert = at(data, "metric_alert")
    organization = at(alert, "organization")
    return {
        "repo": first(
            text(organization, "slug"),
            text(alert, "organization"),
            text(alert, "organization_id"),
        ),
        "title": first(text(data, "description_title"), text(alert, "title")),
        "body": text(data, "description_text"),
        "url": text(data, "web_url"),
    }


def _issue(data: Any) -> dict[str, Any]:
    issue = at(data, "issue")
    assignee = at(issue, "assignedTo")
    return {
        "repo": text(issue, "project", "slug"),
        "title": text(issue, "title"),
        "body": text(issue, "culprit"),
        "url": first(text(issue, "web_url"), text(issue, "permalink"), text(issue, "url")),
        "assignee": first(text(assignee, "email"), text(assignee, "name")),
    }


def _error(data: Any) -> dict[str, Any]:
    error = at(data, "error")
    return {
        "repo": first(text(error, "project", "slug"), text(error, "project")),
        "title": text(error, "title"),
        "body": first(text(error, "message"), text(error, "culprit")),
        "url": first(text(error, "web_url"), text(error, "url")),
    }


def _comment(data: Any) -> dict[str, Any]:
    return {"repo": text(data, "project_slug"), "comment": text(data, "comment")}


_READERS: Mapping[str, Callable[[Any], dict[str, Any]]] = {
    "event_alert": _event_alert,
    "metric_alert": _metric_alert,
    "issue": _issue,
    "error": _error,
    "comment": _comment,
}

PLUGIN = Provider(
    name="sentry",
    secrets={"sentry_client_secret": ("secret",)},
    signatures=frozenset({SIGNATURE}),
    marks=frozenset({"sentry-hook-resource", "x-sentry-auth"}),
    verify=verify,
    delivery=delivery,
    context=context,
)
