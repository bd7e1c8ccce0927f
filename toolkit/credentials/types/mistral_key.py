"""The key of Mistral's models.  Used by the model session; agents' tools never see it as a variable."""

from toolkit.core.credential import CredentialType, Field

PLUGIN = CredentialType(
    id="mistral_key",
    label="Mistral API key",
    fields=(Field(name="token", label="API key"),),
    help_url="https://console.mistral.ai/api-keys",
)
