"""Discord's interactions: commands, buttons, autocompletion and forms.

Signature, PING and answers: https://discord.com/developers/docs/interactions/receiving-and-responding
and https://discord.com/developers/docs/interactions/overview#setting-up-an-endpoint

Discord wants an answer that a user sees within three seconds: it says how many runs were queued, to that user alone.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from toolkit.core.secrets import Secret
from toolkit.core.webhook import Payload, Provider, WebhookContext, WebhookRequest

from ._fields import at, clean, first, text
from ._signing import fresh

SIGNATURE, TIME = "x-signature-ed25519", "x-signature-timestamp"
PING, AUTOCOMPLETE = 1, 4
MESSAGE, CHOICES, ONLY_FOR_YOU = 4, 8, 64
_EVENTS: Mapping[Any, str] = {
    2: "application_command",
    3: "message_component",
    AUTOCOMPLETE: "autocomplete",
    5: "modal_submit",
}


def verify(request: WebhookRequest, secret: Secret, moment: datetime) -> bool:
    """Ed25519 over the time and the body; `secret` is the application's public key, in hex."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    sent = request.headers.get(TIME)
    if sent is None or not fresh(sent, moment):
        return False
    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(secret.reveal().strip()))
        signature = bytes.fromhex(request.headers.get(SIGNATURE, ""))
        key.verify(signature, sent.encode() + request.body)
    except (ValueError, InvalidSignature):
        return False
    return True


def delivery(request: WebhookRequest, payload: Payload) -> str | None:
    """The interaction's own id, which is signed; older relays sent it as a header."""
    return first(text(payload, "id"), request.headers.get("x-interaction-id"))


def challenge(payload: Payload) -> Mapping[str, Any] | None:
    return {"type": PING} if payload.get("type") == PING else None


def reply(payload: Payload, runs: int) -> Mapping[str, Any]:
    if payload.get("type") == AUTOCOMPLETE:
        return {"type": CHOICES, "data": {"choices": []}}
    told = f"Accepted: {runs} run{'s' * (runs != 1)} queued." if runs else "No agent wants this."
    return {"type": MESSAGE, "data": {"content": told, "flags": ONLY_FOR_YOU}}


def context(request: WebhookRequest, payload: Payload) -> WebhookContext | None:
    kind = payload.get("type")
    event = _EVENTS.get(kind) if isinstance(kind, int) else None
    if event is None:
        return None
    data = at(payload, "data")
    command = first(text(data, "name"), text(data, "custom_id"))
    user = at(payload, "member", "user") or at(payload, "user")
    sender = first(text(user, "username"), text(user, "id"))
    channel = text(payload, "channel_id")
    return WebhookContext(
        source="discord",
        event=event,
        action=command,
        title=command,
        body=_options(data),
        repo=text(payload, "guild_id"),
        branch=channel,
        channel=channel,
        author=sender,
        sender=sender or "unknown",
    )


def _options(data: Any) -> str | None:
    """What the user chose or wrote, as JSON."""
    chosen = at(data, "options") or at(data, "values") or at(data, "components")
    return clean(json.dumps(chosen)) if chosen else None


PLUGIN = Provider(
    name="discord",
    secrets={"discord_bot": ("public_key",)},
    signatures=frozenset({SIGNATURE}),
    marks=frozenset({TIME}),
    verify=verify,
    delivery=delivery,
    challenge=challenge,
    reply=reply,
    context=context,
)
