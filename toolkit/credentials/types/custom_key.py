"""The key of a model server of one's own, which speaks OpenAI's API."""

from toolkit.core.credential import CredentialType, Field

PLUGIN = CredentialType(
    id="custom_key",
    label="Key of a custom model server",
    fields=(Field(name="token", label="API key"),),
    description="A server that wants no key: set authType = 'none' in its [models.<name>].",
)
