"""An SSH key and the identity for commits.  The session sets GIT_SSH_COMMAND and the GIT_* names itself."""

from toolkit.core.credential import CredentialType, Field

from ._checks import contains

PLUGIN = CredentialType(
    id="git_ssh",
    label="Git over SSH",
    fields=(
        Field(name="id_rsa", label="Private key"),
        Field(name="username", label="Name in commits", secret=False),
        Field(name="email", label="Address in commits", secret=False),
    ),
    help_url="https://docs.github.com/en/authentication/connecting-to-github-with-ssh",
    context="git is set up to clone and push over SSH, and to commit under your name.",
    check=contains("id_rsa", "PRIVATE KEY"),
)
