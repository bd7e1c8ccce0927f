"""The key of xAI's models.  Used by the model session; agents' tools never see it as a variable."""

from toolkit.core.credential import CredentialType, Field, Probe

from ._checks import begins

PLUGIN = CredentialType(
    id="xai_key",
    label="xAI API key",
    fields=(Field(name="token", label="API key"),),
    help_url="https://console.x.ai",
    check=begins("token", "xai-"),
    # https://docs.x.ai/docs/key-information/debugging: 400 is an incorrect key, 401 one that is missing or invalid
    probe=Probe(
        url="https://api.x.ai/v1/models",
        headers={"Authorization": "Bearer {token}"},
        refused=frozenset({400, 401}),
        provider="xai",
    ),
)
