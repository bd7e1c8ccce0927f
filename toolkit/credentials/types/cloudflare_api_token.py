"""Provisions names at Cloudflare.  No agent gets it."""

from toolkit.core.credential import CredentialType, Field

PLUGIN = CredentialType(
    id="cloudflare_api_token",
    label="Cloudflare API token",
    fields=(Field(name="api_token", label="API token", env="CLOUDFLARE_API_TOKEN"),),
    help_url="https://dash.cloudflare.com/profile/api-tokens",
    inject=False,
)
