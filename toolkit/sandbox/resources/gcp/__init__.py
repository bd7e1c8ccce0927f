"""The same for Google's types: made with google-cloud's libraries, in the embedded cloud only.

Accounts and roles say whose they are in their descriptions; what is granted to an account is a part of the account.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from toolkit.clouds.gcp import GcpClients, translated
from toolkit.core.errors import AlreadyExists, NotFound
from toolkit.core.gcp_names import GcpNames

T = TypeVar("T")

FILES = ("accounts", "apis", "artifacts", "members", "roles", "run", "secrets", "timers")


@dataclass(frozen=True, slots=True, kw_only=True)
class Google:
    """What every handler of this package is made with."""

    clients: GcpClients
    names: GcpNames

    @property
    def project(self) -> str:
        return self.clients.parent


def made(doing: str, call: Callable[[], T]) -> T | None:
    """The call's answer; None when the name is taken."""
    try:
        with translated(doing):
            return call()
    except AlreadyExists:
        return None


def found(doing: str, call: Callable[[], T]) -> T | None:
    """The call's answer; None when there is no such thing."""
    try:
        with translated(doing):
            return call()
    except NotFound:
        return None


def short(name: Any) -> str:
    """The last part of a full name."""
    return str(name).rpartition("/")[2]
