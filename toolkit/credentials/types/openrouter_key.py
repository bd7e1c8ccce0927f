"""The key of OpenRouter's models.  Used by the model session; agents' tools never see it as a variable."""

from toolkit.core.credential import CredentialType, Field

from ._checks import begins

PLUGIN = CredentialType(
    id="openrouter_key",
    label="OpenRouter API key",
    fields=(Field(name="token", label="API key"),),
    help_url="https://openrouter.ai/keys",
    check=begins("token", "sk-or-"),
)
