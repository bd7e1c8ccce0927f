"""A token for Slack bot's API."""

from toolkit.core.credential import CredentialType, Field, Probe

PLUGIN = CredentialType(
    id="slack_bot_token",
    label="Slack bot token",
    fields=(Field(name="token", label="Token", env="SLACK_BOT_TOKEN"),),
    help_url="https://api.slack.com/apps",
    context="SLACK_BOT_TOKEN is set: send it to https://slack.com/api as a Bearer token.",
    # https://docs.slack.dev/reference/methods/auth.test: it answers 200, with ok = false for a token that it does not take
    probe=Probe(
        url="https://slack.com/api/auth.test",
        headers={"Authorization": "Bearer {token}"},
        agrees="ok",
    ),
)
