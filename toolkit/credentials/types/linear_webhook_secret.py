"""Verifies Linear's webhooks.  The gateway's own; no agent gets it."""

from toolkit.core.credential import CredentialType, Field

from ._checks import length

PLUGIN = CredentialType(
    id="linear_webhook_secret",
    label="Linear webhook secret",
    fields=(Field(name="secret", label="Secret"),),
    inject=False,
    check=length("secret", 8),
)
