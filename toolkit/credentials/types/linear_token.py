"""A token for Linear's API."""

from toolkit.core.credential import CredentialType, Field

PLUGIN = CredentialType(
    id="linear_token",
    label="Linear token",
    fields=(Field(name="token", label="Token", env="LINEAR_API_TOKEN"),),
    help_url="https://linear.app/settings/api",
    context="LINEAR_API_TOKEN is set: send it as the Authorization header, without a prefix, to https://api.linear.app/graphql.",
)
