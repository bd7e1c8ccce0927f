"""Linear's webhooks.

Signature, delivery number and events: https://linear.app/developers/webhooks

The body, which is signed, holds when it was sent (`webhookTimestamp`, milliseconds).
"""

from collections.abc import Mapping
from datetime import datetime

from toolkit.core.secrets import Secret
from toolkit.core.webhook import (
    Payload,
    Provider,
    WebhookContext,
    WebhookRequest,
    payload_of,
)

from ._fields import at, first, names, number, text
from ._signing import fresh_ms, hex_hmac, same

SIGNATURE = "linear-signature"
_EVENTS: Mapping[str, str] = {"Issue": "issues", "Comment": "issue_comment"}


def verify(request: WebhookRequest, secret: Secret, moment: datetime) -> bool:
    """The signature, and the time where the body holds one that can be read."""
    if not same(request.headers.get(SIGNATURE), hex_hmac(secret, request.body)):
        return False
    sent = at(payload_of(request), "webhookTimestamp")
    return sent is None or fresh_ms(sent, moment)


def delivery(request: WebhookRequest, payload: Payload) -> str | None:
    return request.headers.get("linear-delivery")


def context(request: WebhookRequest, payload: Payload) -> WebhookContext | None:
    """None without an action, a type or an organization.  People are told by their e-mail addresses."""
    kind, action = text(payload, "type"), text(payload, "action")
    organization = first(text(payload, "organizationId"), text(payload, "organization", "id"))
    if kind is None or action is None or organization is None:
        return None
    data, about = at(payload, "data"), at(payload, "data", "issue")
    author = first(text(data, "creator", "email"), text(data, "user", "email"))
    said = text(data, "body") if kind == "Comment" else None
    return WebhookContext(
        source="linear",
        event=_EVENTS.get(kind, kind.lower()),
        action=action,
        repo=organization,
        number=_first_number(number(data, "number"), number(about, "number")),
        title=first(text(data, "title"), text(about, "title")),
        body=text(data, "description"),
        comment=said,
        url=first(text(payload, "url"), text(data, "url")),
        author=author,
        assignee=text(data, "assignee", "email"),
        labels=names(data, "labels"),
        sender=first(text(payload, "actor", "email"), text(payload, "actor", "name"), author)
        or "unknown",
    )


def _first_number(*found: int | None) -> int | None:
    return next((value for value in found if value is not None), None)


PLUGIN = Provider(
    name="linear",
    secrets={"linear_webhook_secret": ("secret",)},
    signatures=frozenset({SIGNATURE}),
    marks=frozenset({"linear-delivery", "linear-event", "x-linear-signature"}),
    verify=verify,
    delivery=delivery,
    context=context,
)
