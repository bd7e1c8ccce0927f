"""The key of OpenAI's models.  Used by the model session; agents' tools never see it as a variable."""

from toolkit.core.credential import CredentialType, Field, Probe

from ._checks import begins

PLUGIN = CredentialType(
    id="openai_key",
    label="OpenAI API key",
    fields=(Field(name="token", label="API key"),),
    help_url="https://platform.openai.com/api-keys",
    check=begins("token", "sk-"),
    # https://platform.openai.com/docs/api-reference/models/list
    probe=Probe(
        url="https://api.openai.com/v1/models",
        headers={"Authorization": "Bearer {token}"},
        provider="openai",
    ),
)
