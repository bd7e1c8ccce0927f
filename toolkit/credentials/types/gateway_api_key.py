"""The key to the gateway's API, generated on the first push.  No agent gets it."""

from toolkit.core.credential import CredentialType, Field

PLUGIN = CredentialType(
    id="gateway_api_key",
    label="Gateway API key",
    fields=(Field(name="key", label="Key"),),
    inject=False,
)
