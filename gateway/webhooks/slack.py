"""Slack's Events API.

Signature: https://docs.slack.dev/authentication/verifying-requests-from-slack
Events and the set-up challenge: https://docs.slack.dev/apis/events-api

Retries of one event carry the same `event_id`, which is in the body and so is signed.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from toolkit.core.secrets import Secret
from toolkit.core.webhook import Payload, Provider, WebhookContext, WebhookRequest

from ._fields import at, first, text
from ._signing import fresh, hex_hmac, same

SIGNATURE, TIME = "x-slack-signature", "x-slack-request-timestamp"


def verify(request: WebhookRequest, secret: Secret, moment: datetime) -> bool:
    sent = request.headers.get(TIME)
    if sent is None or not fresh(sent, moment):
        return False
    expected = hex_hmac(secret, b"v0:", sent.encode(), b":", request.body)
    return same(request.headers.get(SIGNATURE), f"v0={expected}")


def delivery(request: WebhookRequest, payload: Payload) -> str | None:
    return text(payload, "event_id")


def challenge(payload: Payload) -> Mapping[str, Any] | None:
    given = text(payload, "challenge")
    if text(payload, "type") != "url_verification" or given is None:
        return None
    return {"challenge": given}


def context(request: WebhookRequest, payload: Payload) -> WebhookContext | None:
    event = at(payload, "event")
    kind = text(event, "type")
    if text(payload, "type") != "event_callback" or kind is None:
        return None
    channel = first(
        text(event, "channel"), text(event, "item", "channel"), text(event, "channel", "id")
    )
    sender = first(text(event, "user"), text(event, "user", "id"), text(event, "bot_id"))
    return WebhookContext(
        source="slack",
        event=kind,
        action=text(event, "subtype"),
        repo=text(payload, "team_id"),
        title=text(event, "reaction"),
        body=text(event, "text"),
        channel=channel,
        comment=f"channel:{channel}" if channel else None,
        author=sender,
        sender=sender or "unknown",
    )


PLUGIN = Provider(
    name="slack",
    secrets={"slack_signing_secret": ("secret",)},
    signatures=frozenset({SIGNATURE}),
    marks=frozenset({TIME}),
    verify=verify,
    delivery=delivery,
    challenge=challenge,
    context=context,
)
