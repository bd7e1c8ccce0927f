"""The key of OpenRouter's models.  Used by the model session; agents' tools never see it as a variable."""

from toolkit.core.credential import CredentialType, Field, Probe

from ._checks import begins

PLUGIN = CredentialType(
    id="openrouter_key",
    label="OpenRouter API key",
    fields=(Field(name="token", label="API key"),),
    help_url="https://openrouter.ai/keys",
    check=begins("token", "sk-or-"),
    # https://openrouter.ai/docs/api-reference/limits: its list of models is open to everyone, so the key itself is asked about
    probe=Probe(
        url="https://openrouter.ai/api/v1/key",
        headers={"Authorization": "Bearer {token}"},
        provider="openrouter",
    ),
)
