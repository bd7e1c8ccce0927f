"""Opens a machine of one's own for deployments.  No agent gets it."""

from toolkit.core.credential import CredentialType, Field

from ._checks import contains

PLUGIN = CredentialType(
    id="vps_ssh",
    label="SSH key of a server",
    fields=(
        Field(name="private_key", label="Private key"),
        Field(name="public_key", label="Public key", secret=False, optional=True),
    ),
    inject=False,
    check=contains("private_key", "PRIVATE KEY"),
)
