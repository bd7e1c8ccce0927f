"""Signing as each sender does, for the tests of what verifies it."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from toolkit.core.secrets import Secret
from toolkit.core.webhook import WebhookRequest

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
SECONDS = str(int(NOW.timestamp()))
KEY = "a secret of a sender"
STANDARD_KEY = "whsec_" + base64.b64encode(b"k" * 32).decode()
DISCORD = Ed25519PrivateKey.from_private_bytes(b"d" * 32)
SECRETS = {
    "standard_webhooks": Secret(STANDARD_KEY),
    "discord": Secret(DISCORD.public_key().public_bytes_raw().hex()),
}


def secret_of(provider: str) -> Secret:
    return SECRETS.get(provider, Secret(KEY))


def _hex(*parts: bytes) -> str:
    return hmac.new(KEY.encode(), b"".join(parts), hashlib.sha256).hexdigest()


def _base64(key: bytes, *parts: bytes) -> str:
    return base64.b64encode(hmac.new(key, b"".join(parts), hashlib.sha256).digest()).decode()


def headers_for(provider: str, body: bytes, *, at: str = SECONDS) -> dict[str, str]:
    """The headers with which this sender would send `body` at that second."""
    sent = at.encode()
    standard = _base64(b"k" * 32, b"msg_1.", sent, b".", body)
    made = {
        "github": {"x-hub-signature-256": f"sha256={_hex(body)}", "x-github-event": "issues"},
        "sentry": {"sentry-hook-signature": _hex(body), "sentry-hook-resource": "issue"},
        "linear": {"linear-signature": _hex(body)},
        "mintlify": {"x-mintlify-signature": _hex(body)},
        "slack": {
            "x-slack-signature": f"v0={_hex(b'v0:', sent, b':', body)}",
            "x-slack-request-timestamp": at,
        },
        "discord": {
            "x-signature-ed25519": DISCORD.sign(sent + body).hex(),
            "x-signature-timestamp": at,
        },
        "twitter": {"x-twitter-webhooks-signature": f"sha256={_base64(KEY.encode(), body)}"},
        "standard_webhooks": {
            "webhook-id": "msg_1",
            "webhook-timestamp": at,
            "webhook-signature": f"v1,{standard}",
        },
        "test": {"x-test-event": "issues"},
    }
    return {"content-type": "application/json", **made[provider]}


def request(provider: str, payload: Any, *, at: str = SECONDS, **more: str) -> WebhookRequest:
    """A signed delivery of `payload`; `more` are headers, with _ for -."""
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    named = {name.replace("_", "-"): value for name, value in more.items()}
    return WebhookRequest(headers=headers_for(provider, body, at=at) | named, body=body)
