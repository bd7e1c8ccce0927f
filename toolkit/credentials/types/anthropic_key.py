"""The key of Anthropic's models.  Used by the model session; agents' tools never see it as a variable."""

from toolkit.core.credential import CredentialType, Field

PLUGIN = CredentialType(
    id="anthropic_key",
    label="Anthropic API key",
    fields=(Field(name="token", label="API key"),),
    help_url="https://console.anthropic.com/settings/keys",
)
