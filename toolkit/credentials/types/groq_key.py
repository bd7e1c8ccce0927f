"""The key of Groq's models.  Used by the model session; agents' tools never see it as a variable."""

from toolkit.core.credential import CredentialType, Field, Probe

from ._checks import begins

PLUGIN = CredentialType(
    id="groq_key",
    label="Groq API key",
    fields=(Field(name="token", label="API key"),),
    help_url="https://console.groq.com/keys",
    check=begins("token", "gsk_"),
    # https://console.groq.com/docs/api-reference#models-list
    probe=Probe(
        url="https://api.groq.com/openai/v1/models",
        headers={"Authorization": "Bearer {token}"},
        provider="groq",
    ),
)
