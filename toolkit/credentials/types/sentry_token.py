"""A token for Sentry's API."""

from toolkit.core.credential import CredentialType, Field

PLUGIN = CredentialType(
    id="sentry_token",
    label="Sentry token",
    fields=(Field(name="token", label="Token", env="SENTRY_AUTH_TOKEN"),),
    help_url="https://sentry.io/settings/account/api/auth-tokens/",
    context="SENTRY_AUTH_TOKEN is set: call Sentry's API with curl and a Bearer header.",
)
