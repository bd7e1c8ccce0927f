"""Mintlify's webhooks about builds of documentation.

No page of https://www.mintlify.com/docs documents them; the signature is what senders use in practice: HMAC-SHA256 of
the body in hex, with or without the prefix `x-`.  They number no deliveries and sign no time.
"""

from collections.abc import Mapping
from datetime import datetime

from toolkit.core.secrets import Secret
from toolkit.core.webhook import Payload, Provider, WebhookContext, WebhookRequest

from ._fields import first, text
from ._signing import hex_hmac, same

SIGNATURES = ("x-mintlify-signature", "mintlify-signature")
_CONCLUSIONS: Mapping[str, str] = {
    "failed": "failure",
    "failure": "failure",
    "succeeded": "success",
    "success": "success",
}


def verify(request: WebhookRequest, secret: Secret, moment: datetime) -> bool:
    presented = first(*(request.headers.get(name) for name in SIGNATURES))
    return same(presented, hex_hmac(secret, request.body))


def context(request: WebhookRequest, payload: Payload) -> WebhookContext | None:
    """None without an action or status."""
    action = first(text(payload, "action"), text(payload, "status"))
    if action is None:
        return None
    return WebhookContext(
        source="mintlify",
        event=text(payload, "event") or "build",
        action=action,
        repo=first(text(payload, "project"), text(payload, "organization")),
        branch=text(payload, "branch") or "main",
        title=text(payload, "title"),
        body=first(text(payload, "message"), text(payload, "error")),
        url=text(payload, "url"),
        author=text(payload, "author"),
        conclusion=_CONCLUSIONS.get(action),
        sender=first(text(payload, "user"), text(payload, "author")) or "mintlify",
    )


PLUGIN = Provider(
    name="mintlify",
    secrets={"mintlify_webhook_secret": ("secret",)},
    signatures=frozenset(SIGNATURES),
    verify=verify,
    context=context,
)
