"""A Reddit script application and the account it acts for."""

from toolkit.core.credential import CredentialType, Field

PLUGIN = CredentialType(
    id="reddit_oauth",
    label="Reddit script application",
    fields=(
        Field(name="client_id", label="Client id", secret=False, env="REDDIT_CLIENT_ID"),
        Field(name="client_secret", label="Client secret", env="REDDIT_CLIENT_SECRET"),
        Field(name="username", label="User name", secret=False, env="REDDIT_USERNAME"),
        Field(name="password", label="Password", env="REDDIT_PASSWORD"),
        Field(name="user_agent", label="User agent", secret=False, env="REDDIT_USER_AGENT"),
    ),
    help_url="https://www.reddit.com/prefs/apps",
    context="REDDIT_* are set: get a token with the password grant at https://www.reddit.com/api/v1/access_token and send REDDIT_USER_AGENT with every call.",
)
