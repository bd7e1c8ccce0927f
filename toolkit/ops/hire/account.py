"""The account of an agent that is hired, in words: made or renewed, which tokens go and which stay.

What it does to the forge, and whether it does anything, is in the function that it is given (rotation.py).
"""

from collections.abc import Callable, Iterator
from datetime import datetime

from toolkit.core.clock import iso

from .forge import Forge
from .hiring import Done, Hiring
from .left import Left, left_behind
from .rotation import Bot, Rotated
from .standing import at_work_for
from .vault import TYPE

Rotate = Callable[..., Rotated]  # as rotation.rotate


def account(hiring: Hiring, moment: datetime, by: Rotate) -> Iterator[Done]:
    """What `by` makes of it.  An account that is left behind comes first: nobody else will ever tell of it."""
    forge, bot, place = hiring.forge, hiring.bot, hiring.place
    if forge is None:
        yield Done(what="account", where="the project has no [forge]", how="none made")
        return
    vault = place.vault(hiring.name)
    if left := left_behind(vault, forge.url, bot.user):
        yield _left(left, bot)
    keep = at_work_for(place.services, hiring.name) if hiring.keep is None else hiring.keep
    yield from _rotated(hiring, forge, by(forge, vault, bot, keep=keep, moment=moment))


def _rotated(hiring: Hiring, forge: Forge, done: Rotated) -> Iterator[Done]:
    bot = hiring.bot
    how = "made" if done.made else "kept"
    yield Done(what="account", where=f"{bot.user} at {forge.url}", how=how)
    if bot.repo:
        yield Done(what="access", where=f"{bot.repo} at {forge.url}", how="may write")
    shown = hiring.place.services.context.home / "credentials" / TYPE / hiring.name
    yield Done(what="token and password", where=str(shown), how="new")
    yield from _tokens(done, bot)


def _tokens(done: Rotated, bot: Bot) -> Iterator[Done]:
    for name in done.revoked:
        yield Done(what="old token", where=f"{name} of {bot.user}", how="revoked")
    if done.unseen:
        how = "revoked, all that are there; the forge shows them to nobody without the password"
        yield Done(what="old tokens", where=f"{bot.prefix}... of {bot.user}", how=how)
    for name, until in done.spared:
        how = f"works until {iso(until)[:16]}Z"
        where = f"{name} of {bot.user}; a scheduler, `al up` or `al ps` revokes it then"
        yield Done(what="old token", where=where, how=how)


def _left(left: Left, bot: Bot) -> Done:
    """Al has no password for it from now on; its page is that of every Forgejo and Gitea."""
    tokens = ", ".join(left.tokens) or f"what is named {bot.prefix}..."
    where = (
        f"{left.user} at {left.url}: revoke {tokens} there, as that user at /user/settings/applications, "
        "or let an administrator remove the account"
    )
    return Done(what="old account", where=where, how="left behind, and its tokens work on")
