"""An agent's own account at a Forgejo or Gitea: `al hire` makes one for each agent, and renews it."""

from toolkit.core.credential import CredentialType, Field

PLUGIN = CredentialType(
    id="forge_bot",
    label="Account of an agent at a forge",
    fields=(
        Field(name="url", label="Address of the forge", secret=False, env="FORGE_URL"),
        Field(name="username", label="Account", secret=False, env="FORGE_USER"),
        Field(name="email", label="Address in commits", secret=False, optional=True),
        Field(name="token", label="Token", env="FORGE_TOKEN"),
        Field(name="password", label="Password", optional=True, env="FORGE_PASSWORD"),
    ),
    description="Made by `al hire`.  The token is for the API, the password for git over HTTPS.",
    help_url="https://forgejo.org/docs/latest/user/api-usage/",
    context="FORGE_URL is a Forgejo or Gitea: its API at $FORGE_URL/api/v1 takes `Authorization: token $FORGE_TOKEN`; "
    "git clones and pushes over HTTPS there as $FORGE_USER, and commits under that name.",
)
