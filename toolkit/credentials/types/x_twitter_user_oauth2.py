"""One user's OAuth 2.0 tokens for X, with the application's client."""

from toolkit.core.credential import CredentialType, Field

PLUGIN = CredentialType(
    id="x_twitter_user_oauth2",
    label="X user tokens (OAuth 2.0)",
    fields=(
        Field(name="client_id", label="Client id", env="X_OAUTH2_CLIENT_ID"),
        Field(name="client_secret", label="Client secret", env="X_OAUTH2_CLIENT_SECRET"),
        Field(name="access_token", label="Access token", env="X_OAUTH2_ACCESS_TOKEN"),
        Field(name="refresh_token", label="Refresh token", env="X_OAUTH2_REFRESH_TOKEN"),
    ),
    help_url="https://developer.x.com/en/portal/dashboard",
    context="X_OAUTH2_ACCESS_TOKEN is set: send it to https://api.x.com/2 as a Bearer token in the user's name. "
    "When it has expired, get another with X_OAUTH2_REFRESH_TOKEN, X_OAUTH2_CLIENT_ID and X_OAUTH2_CLIENT_SECRET at "
    "https://api.x.com/2/oauth2/token.",
)
