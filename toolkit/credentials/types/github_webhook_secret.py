"""Verifies GitHub's webhooks.  The gateway's own; no agent gets it."""

from toolkit.core.credential import CredentialType, Field

PLUGIN = CredentialType(
    id="github_webhook_secret",
    label="GitHub webhook secret",
    fields=(Field(name="secret", label="Secret"),),
    inject=False,
)
