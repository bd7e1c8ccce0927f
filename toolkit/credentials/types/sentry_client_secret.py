"""Verifies Sentry's webhooks.  The gateway's own; no agent gets it."""

from toolkit.core.credential import CredentialType, Field

PLUGIN = CredentialType(
    id="sentry_client_secret",
    label="Sentry webhook secret",
    fields=(Field(name="secret", label="Secret"),),
    inject=False,
)
