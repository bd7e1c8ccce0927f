"""A token for Mintlify's API."""

from toolkit.core.credential import CredentialType, Field

PLUGIN = CredentialType(
    id="mintlify_token",
    label="Mintlify token",
    fields=(Field(name="token", label="Token", env="MINTLIFY_API_TOKEN"),),
    help_url="https://dashboard.mintlify.com/settings",
    context="MINTLIFY_API_TOKEN is set: send it to Mintlify's API as a Bearer token.",
)
