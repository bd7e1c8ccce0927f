"""An X application's keys, under today's names or the older ones (`api_key`, `api_secret` and a user's tokens)."""

from collections.abc import Mapping

from toolkit.core.credential import CredentialType, Field
from toolkit.core.secrets import Secret

_PAIRS = (("consumer_key", "consumer_secret"), ("api_key", "api_secret"))


def _check(values: Mapping[str, Secret]) -> list[str]:
    if any(all(values.get(name) for name in pair) for pair in _PAIRS):
        return []
    return ["it needs consumer_key and consumer_secret, or the older api_key and api_secret"]


PLUGIN = CredentialType(
    id="x_twitter_api",
    label="X application",
    fields=(
        Field(name="bearer_token", label="Bearer token", env="X_BEARER_TOKEN"),
        Field(name="consumer_key", label="Consumer key", optional=True, env="X_CONSUMER_KEY"),
        Field(
            name="consumer_secret", label="Consumer secret", optional=True, env="X_CONSUMER_SECRET"
        ),
        Field(name="api_key", label="API key (older)", optional=True, env="X_API_KEY"),
        Field(name="api_secret", label="API secret (older)", optional=True, env="X_API_SECRET"),
        Field(
            name="access_token", label="Access token (older)", optional=True, env="X_ACCESS_TOKEN"
        ),
        Field(
            name="access_token_secret",
            label="Access token secret (older)",
            optional=True,
            env="X_ACCESS_TOKEN_SECRET",
        ),
    ),
    help_url="https://developer.x.com/en/portal/dashboard",
    context="X_BEARER_TOKEN is set: send it to https://api.x.com/2 as a Bearer token. To sign requests with OAuth 1.0a there are "
    "X_CONSUMER_KEY and X_CONSUMER_SECRET, or the older X_API_KEY, X_API_SECRET, X_ACCESS_TOKEN and X_ACCESS_TOKEN_SECRET.",
    check=_check,
)
