"""Verifies webhooks that are signed as the Standard Webhooks specification says.  The gateway's own; no agent gets it."""

import base64
import binascii
from collections.abc import Mapping

from toolkit.core.credential import CredentialType, Field
from toolkit.core.secrets import Secret


def _check(values: Mapping[str, Secret]) -> list[str]:
    text = values["secret"].reveal().strip() if "secret" in values else ""
    try:
        key = base64.b64decode(text.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        return ["the secret is not Base64 after whsec_"]
    # https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md#signature-scheme
    return [] if 24 <= len(key) <= 64 else ["the secret does not hold 24 to 64 bytes"]


PLUGIN = CredentialType(
    id="standard_webhooks_secret",
    label="Standard Webhooks secret",
    fields=(Field(name="secret", label="Secret (whsec_...)"),),
    inject=False,
    help_url="https://www.standardwebhooks.com",
    check=_check,
)
