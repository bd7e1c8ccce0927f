"""A Discord application and its bot.  The gateway verifies interactions with the public key."""

from toolkit.core.credential import CredentialType, Field, Probe

PLUGIN = CredentialType(
    id="discord_bot",
    label="Discord bot",
    fields=(
        Field(
            name="application_id",
            label="Application id",
            secret=False,
            env="DISCORD_APPLICATION_ID",
        ),
        Field(name="public_key", label="Public key", secret=False, env="DISCORD_PUBLIC_KEY"),
        Field(name="bot_token", label="Bot token", env="DISCORD_BOT_TOKEN"),
    ),
    help_url="https://discord.com/developers/applications",
    context="DISCORD_BOT_TOKEN is set: send `Authorization: Bot $DISCORD_BOT_TOKEN` to https://discord.com/api/v10. "
    "DISCORD_APPLICATION_ID and DISCORD_PUBLIC_KEY say which application it is.",
    # https://discord.com/developers/docs/resources/user#get-current-user
    probe=Probe(
        url="https://discord.com/api/v10/users/@me",
        headers={"Authorization": "Bot {bot_token}"},
    ),
)
