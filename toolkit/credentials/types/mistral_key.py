"""The key of Mistral's models.  Used by the model session; agents' tools never see it as a variable."""

from toolkit.core.credential import CredentialType, Field, Probe

PLUGIN = CredentialType(
    id="mistral_key",
    label="Mistral API key",
    fields=(Field(name="token", label="API key"),),
    help_url="https://console.mistral.ai/api-keys",
    # https://docs.mistral.ai/api/#tag/models
    probe=Probe(
        url="https://api.mistral.ai/v1/models",
        headers={"Authorization": "Bearer {token}"},
        provider="mistral",
    ),
)
