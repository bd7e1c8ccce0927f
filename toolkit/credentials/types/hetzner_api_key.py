"""Provisions machines at Hetzner.  No agent gets it."""

from toolkit.core.credential import CredentialType, Field

PLUGIN = CredentialType(
    id="hetzner_api_key",
    label="Hetzner API key",
    fields=(Field(name="api_key", label="API key", env="HETZNER_API_KEY"),),
    help_url="https://console.hetzner.cloud",
    inject=False,
)
