"""The key of Anthropic's models.  Used by the model session; agents' tools never see it as a variable."""

from toolkit.core.credential import CredentialType, Field, Probe

PLUGIN = CredentialType(
    id="anthropic_key",
    label="Anthropic API key",
    fields=(Field(name="token", label="API key"),),
    help_url="https://console.anthropic.com/settings/keys",
    # https://docs.anthropic.com/en/api/models-list
    probe=Probe(
        url="https://api.anthropic.com/v1/models",
        headers={"x-api-key": "{token}", "anthropic-version": "2023-06-01"},
        provider="anthropic",
    ),
)
