"""A token for Netlify's API."""

from toolkit.core.credential import CredentialType, Field, Probe

PLUGIN = CredentialType(
    id="netlify_token",
    label="Netlify token",
    fields=(Field(name="token", label="Token", env="NETLIFY_AUTH_TOKEN"),),
    help_url="https://app.netlify.com/user/applications",
    context="NETLIFY_AUTH_TOKEN is set: the netlify command and https://api.netlify.com/api/v1 take it.",
    # https://open-api.netlify.com/#tag/user/operation/getCurrentUser
    probe=Probe(
        url="https://api.netlify.com/api/v1/user",
        headers={"Authorization": "Bearer {token}"},
    ),
)
