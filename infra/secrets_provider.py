"""What Pulumi encrypts secrets in its state with: `secretsProvider` in `[pulumi]`.

Our programs put no secret there (values never come near Pulumi), so by default it is the empty passphrase, which
needs no key of anybody.  With `"passphrase"` the user's own is required, so that all machines use the same; with the
URL of a key (`awskms://...`) that key.  https://www.pulumi.com/docs/iac/concepts/secrets/#available-encryption-providers
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from toolkit.core.errors import ConfigError, CredentialError
from toolkit.core.secrets import Secret

PASSPHRASE = "PULUMI_CONFIG_PASSPHRASE"  # noqa: S105  # variables' names
PASSPHRASE_FILE = "PULUMI_CONFIG_PASSPHRASE_FILE"  # noqa: S105
CREDENTIAL = "pulumi_passphrase"
KEYS = ("awskms", "gcpkms", "azurekeyvault", "hashivault")


@dataclass(frozen=True, slots=True, kw_only=True)
class Protection:
    """`provider` is what a stack is told, None for Pulumi's default; `passphrase` None where a file holds it."""

    provider: str | None = None
    passphrase: Secret | None = None

    @property
    def variables(self) -> dict[str, str]:
        """For Pulumi's process: a passphrase is never an argument."""
        return {} if self.passphrase is None else {PASSPHRASE: self.passphrase.reveal()}

    def hidden(self, text: str) -> str:
        """`text` without the passphrase, should Pulumi ever have printed it."""
        return text.replace(self.passphrase.reveal(), "***") if self.passphrase else text


NOTHING = Protection(passphrase=Secret(""))  # for a state that is thrown away


def protection(
    chosen: str | None, *, environment: Mapping[str, str], stored: Callable[[], Secret | None]
) -> Protection:
    """What the setting comes to on this machine: a variable wins over the credential that is `stored` here.

    Raises ConfigError for a setting that Pulumi does not know, CredentialError when a passphrase is required and there
    is none.
    """
    if chosen is not None and chosen not in ("passphrase", "default") and not _is_key(chosen):
        raise ConfigError(
            f"{chosen!r} is no secrets provider of Pulumi",
            hint='`secretsProvider` in [pulumi] is "passphrase" or a key: '
            + ", ".join(f"{scheme}://..." for scheme in KEYS),
        )
    provider = None if chosen == "passphrase" else chosen
    return Protection(
        provider=provider,
        passphrase=_passphrase(environment, stored, required=chosen == "passphrase"),
    )


def _is_key(chosen: str) -> bool:
    scheme, separator, rest = chosen.partition("://")
    return scheme in KEYS and bool(separator and rest)


def _passphrase(
    environment: Mapping[str, str], stored: Callable[[], Secret | None], *, required: bool
) -> Secret | None:
    if PASSPHRASE in environment:
        return Secret(environment[PASSPHRASE])
    if PASSPHRASE_FILE in environment:
        return None
    if not required:
        return Secret("")
    value = stored()
    if not value:
        raise CredentialError(
            "the passphrase of Pulumi's state is missing",
            hint=f"run `al creds add {CREDENTIAL}`, or set {PASSPHRASE}",
        )
    return value
