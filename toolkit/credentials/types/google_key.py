"""The key of Google Gemini's models.  Used by the model session; agents' tools never see it as a variable."""

from toolkit.core.credential import CredentialType, Field, Probe

PLUGIN = CredentialType(
    id="google_key",
    label="Google Gemini API key",
    fields=(Field(name="token", label="API key"),),
    help_url="https://aistudio.google.com/apikey",
    # https://ai.google.dev/api/models: an invalid key is answered with 400 (API_KEY_INVALID)
    probe=Probe(
        url="https://generativelanguage.googleapis.com/v1beta/models?pageSize=1",
        headers={"x-goog-api-key": "{token}"},
        refused=frozenset({400, 401}),
        provider="google",
    ),
)
