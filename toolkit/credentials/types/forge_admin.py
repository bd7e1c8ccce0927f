"""Who may make accounts at a Forgejo or Gitea.  For `al hire` alone: no agent gets it."""

from toolkit.core.credential import CredentialType, Field

PLUGIN = CredentialType(
    id="forge_admin",
    label="Administrator of a forge",
    fields=(Field(name="token", label="Token with the scope write:admin"),),
    description="Settings, Applications, of an administrator; the scopes write:admin and write:repository.",
    help_url="https://forgejo.org/docs/latest/user/token-scope/",
    inject=False,
)
