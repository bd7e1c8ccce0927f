"""Verifies Slack's webhooks.  The gateway's own; no agent gets it."""

from toolkit.core.credential import CredentialType, Field

from ._checks import length

PLUGIN = CredentialType(
    id="slack_signing_secret",
    label="Slack webhook secret",
    fields=(Field(name="secret", label="Secret"),),
    inject=False,
    check=length("secret", 8),
)
