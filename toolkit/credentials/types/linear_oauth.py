"""An OAuth application's access to Linear."""

from toolkit.core.credential import CredentialType, Field

PLUGIN = CredentialType(
    id="linear_oauth",
    label="Linear OAuth application",
    fields=(
        Field(name="client_id", label="Client id", secret=False, env="LINEAR_CLIENT_ID"),
        Field(name="client_secret", label="Client secret", env="LINEAR_CLIENT_SECRET"),
        Field(name="access_token", label="Access token", env="LINEAR_ACCESS_TOKEN"),
        Field(name="refresh_token", label="Refresh token", env="LINEAR_REFRESH_TOKEN"),
    ),
    help_url="https://linear.app/settings/api/applications",
    context="LINEAR_ACCESS_TOKEN is set: send it as a Bearer token to https://api.linear.app/graphql. When it has expired, get "
    "another with LINEAR_REFRESH_TOKEN, LINEAR_CLIENT_ID and LINEAR_CLIENT_SECRET at https://api.linear.app/oauth/token.",
)
