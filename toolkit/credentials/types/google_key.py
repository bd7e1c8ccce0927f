"""The key of Google Gemini's models.  Used by the model session; agents' tools never see it as a variable."""

from toolkit.core.credential import CredentialType, Field

PLUGIN = CredentialType(
    id="google_key",
    label="Google Gemini API key",
    fields=(Field(name="token", label="API key"),),
    help_url="https://aistudio.google.com/apikey",
)
