"""Whoever signs as the Standard Webhooks specification says (Svix, Clerk, Resend and many others).

Signature, secret and time: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import binascii
from datetime import datetime

from toolkit.core.secrets import Secret
from toolkit.core.webhook import Payload, Provider, WebhookContext, WebhookRequest

from ._fields import at, first, text
from ._signing import base64_hmac, fresh, same

ID, TIME, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"
OLDER = "svix-"  # Svix's own name for the same headers, from before the specification
MOST_SIGNATURES = 20  # in one header, while keys are changed


def verify(request: WebhookRequest, secret: Secret, moment: datetime) -> bool:
    """One of the signatures in the header, over number, time and body."""
    number, sent = _header(request, ID), _header(request, TIME)
    key = _key(secret)
    if key is None or number is None or sent is None or not fresh(sent, moment):
        return False
    signed = f"{number}.{sent}.".encode("utf-8", "replace")
    expected = f"v1,{base64_hmac(key, signed, request.body)}"
    presented = (_header(request, SIGNATURE) or "").split()[:MOST_SIGNATURES]
    return any(same(signature, expected) for signature in presented)


def delivery(request: WebhookRequest, payload: Payload) -> str | None:
    return _header(request, ID)


def context(request: WebhookRequest, payload: Payload) -> WebhookContext | None:
    """The event is the body's `type`; what else it holds differs from sender to sender."""
    event = first(text(payload, "type"), text(payload, "event"), text(payload, "eventType"))
    if event is None:
        return None
    data = at(payload, "data")
    return WebhookContext(
        source="standard-webhooks",
        event=event,
        action=text(payload, "action"),
        title=first(text(data, "title"), text(data, "name"), text(data, "subject")),
        body=first(text(data, "body"), text(data, "description"), text(data, "text")),
        url=text(data, "url"),
        sender=first(text(data, "sender"), text(data, "email")) or "unknown",
    )


def _header(request: WebhookRequest, name: str) -> str | None:
    return request.headers.get(name) or request.headers.get(OLDER + name.removeprefix("webhook-"))


def _key(secret: Secret) -> bytes | None:
    """The secret's bytes: Base64 after `whsec_`.  None without any: everybody could sign with an empty key."""
    try:
        key = base64.b64decode(secret.reveal().strip().removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        return None
    return key or None


PLUGIN = Provider(
    name="standard-webhooks",
    secrets={"standard_webhooks_secret": ("secret",)},
    signatures=frozenset({SIGNATURE, "svix-signature"}),
    marks=frozenset({ID, TIME, "svix-id"}),
    verify=verify,
    delivery=delivery,
    context=context,
)
