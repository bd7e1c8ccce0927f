"""An agent's account at the forge, made or renewed: a new token and a new password, and only then the end of the old ones.

Whatever step fails, what is stored works at the forge as before, and the same call again goes on: a password is kept apart
before the forge hears of it, the new token is proven before it is stored, and old tokens are revoked last.
"""

import secrets as random_bytes
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from toolkit.core.errors import AlError, Conflict
from toolkit.core.secrets import Secret

from .forge import Forge, Login
from .left import known_tokens, left_behind
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
        return f"{self.prefix}{random_bytes.token_hex(4)}"

    def owns(self, token: str) -> bool:
        """Whether al made a token of this name: those that people made stay."""
        return token.startswith(self.prefix)

    @property
    def prefix(self) -> str:
        return f"al-{self.agent}-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotated:
    """`made`: there was no account before.  `revoked` tokens are gone; `spared` ones live until then.  `unseen`: there may be
    more of them, which the forge shows to nobody who lacks the account's password."""

    made: bool
    revoked: tuple[str, ...] = ()
    spared: tuple[tuple[str, datetime], ...] = ()
    unseen: bool = False


def foreseen(
    forge: Forge, vault: Vault, bot: Bot, *, keep: timedelta | None, moment: datetime
) -> Rotated:
    """What `rotate` would make of it; only looks.  Raises Conflict as that does, and what the forge refuses."""
    if not _is_there(forge, vault, bot):
        return Rotated(made=True)
    stays = left_behind(vault, forge.url, bot.user) is None
    login = _taken(forge, bot, (_password_of(forge, vault), vault.pending))
    if login:
        names = [name for name in forge.tokens(login) if bot.owns(name)]
    else:  # its password was changed by hand: what is known of it must do
        names = [*known_tokens(vault)] if stays else []
    end = _end_of(dict(vault.spared()) if stays else {}, keep, moment)
    return replace(_sorted({name: end(name) for name in names}, made=False), unseen=login is None)


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
    if left := left_behind(vault, forge.url, bot.user):
        for one in left.tokens:
            vault.forget(one)  # a token of the same name at this forge would be another one
    _store(vault, forge, bot, token)
    vault.set_current(name)
    if login.password.reveal() != password.reveal():
        forge.set_password(bot.user, password)
    vault.put("password", password)
    vault.done()
    login = Login(user=bot.user, password=password)
    end = _end_of(dict(vault.spared()), keep, moment)
    old = dict(_retired(vault, forge, bot, login, end))
    return _sorted(old, made=made)


def _sorted(old: Mapping[str, datetime | None], *, made: bool) -> Rotated:
    return Rotated(
        made=made,
        revoked=tuple(name for name, until in old.items() if until is None),
        spared=tuple((name, until) for name, until in old.items() if until),
    )


def _login(forge: Forge, vault: Vault, bot: Bot, password: Secret) -> tuple[Login, bool]:
    """The account with a password that it takes now, and whether it was made for that."""
    if not _is_there(forge, vault, bot):
        forge.create(bot.user, bot.email, password)
        return Login(user=bot.user, password=password), True
    if login := _taken(forge, bot, (_password_of(forge, vault), password)):
        return login, False
    forge.set_password(bot.user, password)  # what is stored was changed at the forge
    return Login(user=bot.user, password=password), False


def _is_there(forge: Forge, vault: Vault, bot: Bot) -> bool:
    """Whether the agent has its account already.  Raises Conflict where that is somebody else's."""
    there = forge.email(bot.user)
    if there is None:
        return False
    if there.lower() != bot.email.lower() and not _known(forge, vault, bot):
        raise Conflict(
            f"there is an account {bot.user} at {forge.url} that `al hire` did not make",
            hint="choose another name for the agent, or another forge_user in its section",
        )
    return True


def _taken(forge: Forge, bot: Bot, passwords: Iterable[Secret | None]) -> Login | None:
    """With the first of them that the account takes."""
    logins = (Login(user=bot.user, password=one) for one in passwords if one)
    return next((login for login in logins if forge.takes(login)), None)


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
