"""Provisions machines at Vultr.  No agent gets it."""

from toolkit.core.credential import CredentialType, Field

PLUGIN = CredentialType(
    id="vultr_api_key",
    label="Vultr API key",
    fields=(Field(name="api_key", label="API key", env="VULTR_API_KEY"),),
    help_url="https://my.vultr.com/settings/#settingsapi",
    inject=False,
)
