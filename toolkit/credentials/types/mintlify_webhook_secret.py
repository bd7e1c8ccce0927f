"""Verifies Mintlify's webhooks.  The gateway's own; no agent gets it."""

from toolkit.core.credential import CredentialType, Field

PLUGIN = CredentialType(
    id="mintlify_webhook_secret",
    label="Mintlify webhook secret",
    fields=(Field(name="secret", label="Secret"),),
    inject=False,
)
