"""Who makes accounts at the forge: the option, two variables, or the stored credential, the first that is there."""

from collections.abc import Mapping
from dataclasses import dataclass

from toolkit.core.errors import CredentialError
from toolkit.core.ports import Store
from toolkit.core.secrets import Secret

from .forge import Login

STORED = "forge_admin/default/token"


@dataclass(frozen=True, slots=True, kw_only=True)
class Admin:
    """`header` is what stands behind Authorization; `origin` says where it is from."""

    header: Secret
    origin: str


def administrator(given: Secret | None, variables: Mapping[str, str], store: Store) -> Admin:
    """Raises CredentialError where nothing is given, or what no header can hold: HTTP libraries would quote it."""
    if given:
        return _token(given, "--admin-token")
    if token := variables.get("FORGE_ADMIN_PAT"):
        return _token(Secret(token), "FORGE_ADMIN_PAT")
    if password := variables.get("FORGE_ADMIN_PASS"):
        return _password(variables.get("FORGE_ADMIN_USER", ""), Secret(password))
    if stored := store.get(STORED):
        return _token(stored, "the credential forge_admin")
    raise CredentialError(
        "nobody is given who may make accounts at the forge",
        hint="`al creds add forge_admin`, set FORGE_ADMIN_PAT, or give --admin-token -",
    )


def _token(token: Secret, origin: str) -> Admin:
    text = token.reveal().strip()
    if not (text.isascii() and text.isprintable()):
        raise CredentialError(
            f"the administrator's token ({origin}) has a line break in it, or another character that no token has",
            hint="correct it where it was set, or give it with --admin-token -",
        )
    return Admin(header=Secret(f"token {text}"), origin=origin)


def _password(user: str, password: Secret) -> Admin:
    if not user:
        raise CredentialError(
            "FORGE_ADMIN_PASS is set, and FORGE_ADMIN_USER is not",
            hint="set FORGE_ADMIN_USER to the administrator's account",
        )
    header = Secret(Login(user=user, password=password).header)
    return Admin(header=header, origin="FORGE_ADMIN_USER and FORGE_ADMIN_PASS")
