"""A server's certificate towards Cloudflare; the instance is its host name.  No agent gets it."""

from toolkit.core.credential import CredentialType, Field

PLUGIN = CredentialType(
    id="cloudflare_origin_cert",
    label="Cloudflare origin certificate",
    fields=(
        Field(name="certificate", label="Certificate", secret=False),
        Field(name="private_key", label="Private key"),
    ),
    inject=False,
)
