"""A token for Bugsnag's API."""

from toolkit.core.credential import CredentialType, Field

PLUGIN = CredentialType(
    id="bugsnag_token",
    label="Bugsnag token",
    fields=(Field(name="token", label="Token", env="BUGSNAG_AUTH_TOKEN"),),
    help_url="https://app.bugsnag.com/settings/my-account/auth-tokens",
    context="BUGSNAG_AUTH_TOKEN is set: send `Authorization: token $BUGSNAG_AUTH_TOKEN` to https://api.bugsnag.com.",
)
