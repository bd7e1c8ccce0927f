"""Accounts that are not the agent's: the one that it had before, at another forge or under another name, which nobody renews
or revokes any more; and one of another project, whose credential has the same name on this machine."""

from dataclasses import dataclass

from toolkit.core.errors import Conflict

from .forge import Forge
from .vault import TYPE, Vault


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """`tokens` are the names of those that are known here."""

    user: str
    url: str
    tokens: tuple[str, ...]


def left_behind(vault: Vault, url: str, user: str) -> Left | None:
    """None where the account is still the one that is stored, or none is."""
    stored = vault.get("url"), vault.get("username")
    before = tuple(value.reveal() for value in stored if value)
    if len(before) < len(stored) or before == (url, user):
        return None
    return Left(user=before[1], url=before[0], tokens=known_tokens(vault))


def refuse_another_s(vault: Vault, forge: Forge, user: str, email: str) -> None:
    """Raises Conflict where the stored credential is not from this project's hiring: it would be lost to whoever uses it."""
    if vault.current or vault.pending:
        return
    url, name = vault.get("url"), vault.get("username")
    if url is None or name is None:
        return
    here = (url.reveal(), name.reveal()) == (forge.url, user)
    if here and (forge.email(user) or "").lower() in ("", email.lower()):
        return  # the same account, whose other notes were left on another machine
    ref = f"{TYPE}:{vault.agent}"
    raise Conflict(
        f"the credential {ref} is that of {name.reveal()} at {url.reveal()}, which this project's `al hire` did not make",
        hint=f"take another name for the agent: all projects of this machine share credentials; or `al creds rm {ref}`",
    )


def known_tokens(vault: Vault) -> tuple[str, ...]:
    """By what is kept here: the one that runs get, and older ones that were spared."""
    names = (*(name for name, _ in vault.spared()), *filter(None, [vault.current]))
    return tuple(dict.fromkeys(names))
