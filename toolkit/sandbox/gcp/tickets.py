"""How a container proves which service account it runs as: a ticket in the address of its metadata server, and the
access tokens that the server hands out for it.

Nothing here is secret to the user of this machine: it keeps accounts apart, not people.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

LIFE = timedelta(seconds=3599)  # https://cloud.google.com/docs/authentication/token-types#access


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """`text` is what a request carries."""

    email: str
    expires: datetime
    text: str = field(repr=False)


class Tickets:
    """Safe to use from several threads: every change is one operation on a dict."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._accounts: dict[str, str] = {}
        self._tokens: dict[str, Token] = {}

    def issue(self, email: str) -> str:
        """A ticket for something that runs as this account."""
        ticket = secrets.token_urlsafe(18)
        self._accounts[ticket] = email
        return ticket

    def end(self, ticket: str) -> None:
        """It has ended: its metadata server answers no more.  Its tokens live on until they expire, as Google's do."""
        self._accounts.pop(ticket, None)

    def account(self, ticket: str) -> str | None:
        return self._accounts.get(ticket)

    def token(self, email: str) -> Token:
        """An access token of the account."""
        expires = self._now() + LIFE
        token = Token(text=f"ya29.{secrets.token_urlsafe(24)}", email=email, expires=expires)
        for old in [text for text, t in self._tokens.items() if t.expires < self._now()]:
            self._tokens.pop(old, None)
        self._tokens[token.text] = token
        return token

    def bearer(self, text: str) -> str | None:
        """The account whose token it is; None when it is nobody's, or has expired."""
        token = self._tokens.get(text)
        return token.email if token and token.expires > self._now() else None
