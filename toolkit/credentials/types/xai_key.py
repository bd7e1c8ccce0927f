"""The key of xAI's models.  Used by the model session; agents' tools never see it as a variable."""

from toolkit.core.credential import CredentialType, Field

from ._checks import begins

PLUGIN = CredentialType(
    id="xai_key",
    label="xAI API key",
    fields=(Field(name="token", label="API key"),),
    help_url="https://console.x.ai",
    check=begins("token", "xai-"),
)
