"""A token for GitHub's API."""

from toolkit.core.credential import CredentialType, Field, Probe

PLUGIN = CredentialType(
    id="github_token",
    label="GitHub token",
    fields=(Field(name="token", label="Token", env="GITHUB_TOKEN"),),
    description="A personal access token with the scopes repo and workflow.",
    help_url="https://github.com/settings/tokens",
    context="GITHUB_TOKEN and GH_TOKEN are set: use gh and git directly, without logging in.",
    aliases={"GH_TOKEN": "token"},
    # https://docs.github.com/en/rest/users/users#get-the-authenticated-user
    probe=Probe(
        url="https://api.github.com/user",
        headers={"Authorization": "Bearer {token}"},
    ),
)
