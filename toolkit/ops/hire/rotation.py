"""An agent's account at the forge, made or renewed: a new token and a new password, and only then the end of the old ones.

Whatever step fails, what is stored works at the forge as before, and the same call again goes on: a password is kept apart
before the forge hears of it, the new token is proven before it is stored, and old tokens are revoked last.
"""

import secrets as random_bytes
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from toolkit.core.errors import AlError, Conflict
from toolkit.core.secrets import Secret

from .forge import Forge, Login
from .vault import Vault

PASSWORD_BYTES = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Bot:
    """An agent's account; `repo` is what it may write to, if that is configured."""

    agent: str
    user: str
    email: str
    repo: str | None = None

    def new_token(self) -> str:
        return f"{self._prefix}{random_bytes.token_hex(4)}"

    def owns(self, token: str) -> bool:
        """Whether al made a token of this name: those that people made stay."""
        return token.startswith(self._prefix)

    @property
    def _prefix(self) -> str:
        return f"al-{self.agent}-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotated:
    """`made`: there was no account before.  `revoked` tokens are gone; `spared` ones live until then."""

    made: bool
    revoked: tuple[str, ...] = ()
    spared: tuple[tuple[str, datetime], ...] = ()


def rotate(
    forge: Forge, vault: Vault, bot: Bot, *, keep: timedelta | None, moment: datetime
) -> Rotated:
    """`keep` is how long the old token lives on; None: no longer than this takes, but for one that was promised more.

    Raises Conflict for an account that is somebody else's, and what the forge refuses.
    """
    password = vault.pending or Secret(random_bytes.token_urlsafe(PASSWORD_BYTES))
    vault.begin(password)
    login, made = _login(forge, vault, bot, password)
    name = bot.new_token()
    token = forge.mint(login, name)
    _prove(forge, token, bot)
    if bot.repo:
        forge.admit(bot.repo, bot.user)
    _store(vault, forge, bot, token)
    vault.set_current(name)
    if login.password.reveal() != password.reveal():
        forge.set_password(bot.user, password)
    vault.put("password", password)
    vault.done()
    login = Login(user=bot.user, password=password)
    end = _end_of(dict(vault.spared()), keep, moment)
    old = dict(_retired(vault, forge, bot, login, end))
    return Rotated(
        made=made,
        revoked=tuple(name for name, until in old.items() if until is None),
        spared=tuple((name, until) for name, until in old.items() if until),
    )


def end_grace(forge: Forge, vault: Vault, user: str, moment: datetime) -> Iterator[str]:
    """Revoke older tokens whose time is over; their names."""
    for name, until in vault.spared():
        password = vault.get("password")
        if until <= moment and password:
            forge.revoke(Login(user=user, password=password), name)
            vault.forget(name)
            yield name


def _login(forge: Forge, vault: Vault, bot: Bot, password: Secret) -> tuple[Login, bool]:
    """The account with a password that it takes now, and whether it was made for that."""
    there = forge.email(bot.user)
    if there is None:
        forge.create(bot.user, bot.email, password)
        return Login(user=bot.user, password=password), True
    if there.lower() != bot.email.lower() and not _known(forge, vault, bot):
        raise Conflict(
            f"there is an account {bot.user} at {forge.url} that `al hire` did not make",
            hint="choose another name for the agent, or another forge_user in its section",
        )
    for known in (_password_of(forge, vault), password):
        if known and forge.takes(login := Login(user=bot.user, password=known)):
            return login, False
    forge.set_password(bot.user, password)  # what is stored was changed at the forge
    return Login(user=bot.user, password=password), False


def _password_of(forge: Forge, vault: Vault) -> Secret | None:
    """The stored one, which is shown to no forge but its own: the project's may have moved."""
    where = vault.get("url")
    return vault.get("password") if where and where.reveal() == forge.url else None


def _known(forge: Forge, vault: Vault, bot: Bot) -> bool:
    stored = {field: vault.get(field) for field in ("url", "username")}
    plain = {field: value.reveal() if value else "" for field, value in stored.items()}
    return plain == {"url": forge.url, "username": bot.user}


def _prove(forge: Forge, token: Secret, bot: Bot) -> None:
    owner = forge.owner(token)
    if (owner or "").lower() != bot.user.lower():
        raise AlError(
            f"the new token of {bot.user} does not work at {forge.url}: it is {owner or 'nobody'}'s",
            hint="what is stored is as it was; hire again",
        )


def _store(vault: Vault, forge: Forge, bot: Bot, token: Secret) -> None:
    about = {"url": forge.url, "username": bot.user, "email": bot.email}
    for field, text in about.items():
        vault.put(field, Secret(text))
    vault.put("token", token)


def _end_of(
    promised: Mapping[str, datetime], keep: timedelta | None, moment: datetime
) -> Callable[[str], datetime | None]:
    """Until when an older token of ours lives, None for one that goes now.  What was promised before is kept, unless
    `keep` is nothing at all."""

    def end(name: str) -> datetime | None:
        wished = moment + (keep or timedelta())
        before = moment if keep == timedelta() else promised.get(name, moment)
        until = max(wished, before)
        return until if until > moment else None

    return end


def _retired(
    vault: Vault, forge: Forge, bot: Bot, login: Login, end: Callable[[str], datetime | None]
) -> Iterator[tuple[str, datetime | None]]:
    """Older tokens of ours: until when they are spared, or None for those that are revoked."""
    current = vault.current
    for name in forge.tokens(login):
        if not bot.owns(name) or name == current:
            continue
        if until := end(name):
            vault.spare(name, until)
        else:
            forge.revoke(login, name)
            vault.forget(name)
        yield name, until
