"""X's webhooks (Account Activity API).

Signature and the challenge-response check: https://docs.x.com/x-api/webhooks/quickstart
Events: https://docs.x.com/x-api/account-activity/introduction

The check has us sign a token of the asker's choice with the key that also verifies deliveries.  Only what looks like one
of X's tokens is signed, never what could be a delivery's body.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from toolkit.core.secrets import Secret
from toolkit.core.webhook import Payload, Provider, WebhookContext, WebhookRequest

from ._fields import at, first, items, text
from ._signing import base64_hmac, same

SIGNATURE = "x-twitter-webhooks-signature"
_TOKEN = re.compile(r"[A-Za-z0-9+/=_.-]{1,256}")


def verify(request: WebhookRequest, secret: Secret, moment: datetime) -> bool:
    expected = base64_hmac(secret.reveal().encode(), request.body)
    return same(request.headers.get(SIGNATURE), f"sha256={expected}")


def probe(query: Mapping[str, str], secret: Secret) -> Mapping[str, Any] | None:
    token = query.get("crc_token", "")
    if not _TOKEN.fullmatch(token):
        return None
    return {
        "response_token": f"sha256={base64_hmac(secret.reveal().encode(), token.encode())}",
    }


def context(request: WebhookRequest, payload: Payload) -> WebhookContext | None:
    """The first array of the body names the event; of several events in it only the first is told."""
    event = next((str(key) for key, value in payload.items() if isinstance(value, list)), None)
    if event is None:
        return None
    found = items(payload, event)
    subject = found[0] if found else None
    user = at(subject, "user") or at(subject, "source")
    sender = first(
        text(user, "screen_name"),
        text(subject, "message_create", "sender_id"),
        text(user, "id_str"),
        text(user, "id"),
    )
    return WebhookContext(
        source="twitter",
        event=text({"": event}, "") or "unknown",
        action=text(subject, "type"),
        repo=text(payload, "for_user_id"),
        body=first(
            text(subject, "extended_tweet", "full_text"),
            text(subject, "text"),
            text(subject, "favorited_status", "text"),
            text(subject, "message_create", "message_data", "text"),
        ),
        title=first(text(subject, "id_str"), text(subject, "id")),
        author=sender,
        sender=sender or "unknown",
    )


PLUGIN = Provider(
    name="twitter",
    secrets={"x_twitter_api": ("consumer_secret", "api_secret")},
    signatures=frozenset({SIGNATURE}),
    verify=verify,
    probe=probe,
    context=context,
)
