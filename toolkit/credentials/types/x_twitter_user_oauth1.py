"""One user's OAuth 1.0a tokens for X."""

from toolkit.core.credential import CredentialType, Field

PLUGIN = CredentialType(
    id="x_twitter_user_oauth1",
    label="X user tokens (OAuth 1.0a)",
    fields=(
        Field(name="access_token", label="Access token", env="X_ACCESS_TOKEN"),
        Field(name="access_token_secret", label="Access token secret", env="X_ACCESS_TOKEN_SECRET"),
    ),
    help_url="https://developer.x.com/en/portal/dashboard",
    context="X_ACCESS_TOKEN and X_ACCESS_TOKEN_SECRET are set: sign user requests to X with them.",
)
