"""Where hired agents have accounts: what `al hire` asks of a forge, and which one a project has.

Only what hiring needs; what agents do at the forge they do by themselves, with their own token.
"""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from toolkit.core.secrets import Secret

# what a bot does: read and write code and issues, and know who it is
# (https://forgejo.org/docs/latest/user/token-scope/)
SCOPES = ("read:user", "write:repository", "write:issue")


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """An account's name and password: what a forge wants for making and removing tokens."""

    user: str
    password: Secret

    @property
    def header(self) -> str:
        """https://www.rfc-editor.org/rfc/rfc7617"""
        plain = f"{self.user}:{self.password.reveal()}".encode()
        return f"Basic {base64.b64encode(plain).decode()}"


class Forge(Protocol):
    """Every call raises AccessDenied, Conflict or AlError with the HTTP code, and Unreachable."""

    url: str

    def check(self) -> None:
        """That whoever is given as administrator is one.  Changes nothing."""

    def email(self, user: str) -> str | None:
        """The address of an account; None where there is no such account."""

    def create(self, user: str, email: str, password: Secret) -> None:
        """An account that is no administrator and need not change its password."""

    def set_password(self, user: str, password: Secret) -> None: ...

    def find(self, repo: str) -> None:
        """That `owner/name` is there.  Raises NotFound."""

    def admit(self, repo: str, user: str) -> None:
        """Let the account write to `owner/name`."""

    def takes(self, login: Login) -> bool:
        """Whether the password is the account's."""

    def owner(self, token: Secret) -> str | None:
        """Whose token it is; None for nobody's."""

    def mint(self, login: Login, name: str) -> Secret:
        """A new token of that name."""

    def tokens(self, login: Login) -> Sequence[str]:
        """The names of the account's tokens."""

    def revoke(self, login: Login, name: str) -> None:
        """One that is not there is fine."""
