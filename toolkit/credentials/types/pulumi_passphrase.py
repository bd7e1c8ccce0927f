"""The passphrase that Pulumi's state is encrypted with, for `secretsProvider = "passphrase"`."""

from toolkit.core.credential import CredentialType, Field

from ._checks import length

PLUGIN = CredentialType(
    id="pulumi_passphrase",
    label="Pulumi passphrase",
    fields=(Field(name="passphrase", label="Passphrase"),),
    description="Every machine that pushes needs the same one.  It cannot be recovered.",
    help_url="https://www.pulumi.com/docs/iac/concepts/secrets/",
    inject=False,
    check=length("passphrase", 12),
)
