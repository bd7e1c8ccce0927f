"""`al hire`: an agent with an account, credentials, a section and instructions of its own; once more, and they are renewed.

First everything is decided and whoever must agree is asked (the name, the formula, the forge's administrator), then it is
done, what others hold before what is here. Each step may be repeated, so that hiring again finishes what was cut off.
Starts nothing: that is `al up`.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from toolkit.config.agents import CONFIG, SKILL
from toolkit.config.environments import LOCAL
from toolkit.core.agent import AgentName
from toolkit.core.clock import iso, now
from toolkit.core.secrets import Secret
from toolkit.ops import compose
from toolkit.ops.load import load_files

from . import section
from .admin import administrator
from .files import declare, instruct, replace_file
from .forge import Forge
from .forgejo import Forgejo
from .formula import Formula, find
from .name import checked_name, checked_role
from .place import Place, place
from .rotation import Bot, Rotated, rotate
from .section import Section
from .server import trouble
from .standing import at_work_for, is_up
from .vault import TYPE

KEY = "ANTHROPIC_API_KEY"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What was typed.  `keep` is for how long the old token lives on; None: as long as runs at work need it."""

    name: str
    role: str
    base_url: str | None = None
    model: str | None = None
    formula: Path | None = None
    poll_interval: int | None = None
    keep: timedelta | None = None
    admin: Secret | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """One thing, where it is written, and a word for what became of it."""

    what: str
    where: str
    how: str

    def __str__(self) -> str:
        return f"{self.what}: {self.how}, {self.where}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hiring:
    """What is about to be done.  `forge` is None where the project has none; `key` where no key is to be stored."""

    name: AgentName
    place: Place
    formula: Formula
    named: bool  # whether the formula was
    text: str  # of config.toml, as it is to be
    bot: Bot
    forge: Forge | None = None
    admin: str = ""  # where the administrator is from
    key: Secret | None = None
    hosted: bool = False
    keep: timedelta | None = None
    trouble: str = ""  # with the model server

    @property
    def directory(self) -> Path:
        return self.place.directory / "agents" / self.name


def decide(
    directory: Path,
    wish: Wish,
    *,
    variables: Mapping[str, str] = os.environ,
    asked_server: Callable[[str, str | None], str] = trouble,
) -> Hiring:
    """Look at everything, and change nothing: the name first.  `asked_server` says what is wrong with a model server.

    Raises UsageError, ConfigError and NotFound, and AccessDenied and Unreachable of the forge.
    """
    name, role = checked_name(wish.name), checked_role(wish.role)
    where = place(directory.resolve(), name)
    known = section.read(where.text, name)
    asked = Section(
        name=name,
        role=role,
        base_url=wish.base_url,
        model=wish.model,
        poll_interval=wish.poll_interval,
    )
    hosted = not section.is_local(known, asked)
    made = Hiring(
        name=name,
        place=where,
        formula=find(where.directory, role, wish.formula),
        named=wish.formula is not None,
        text=section.written(where.text, asked),
        bot=_bot(where, name, str(known.get("forge_user") or name)),
        hosted=hosted,
        key=Secret(variables[KEY]) if hosted and variables.get(KEY) else None,
        keep=wish.keep,
        trouble=asked_server(wish.base_url, wish.model) if wish.base_url else "",
    )
    return _with_forge(made, wish, variables)


def _bot(where: Place, name: AgentName, user: str) -> Bot:
    project = where.services.environment.scope.project
    repo = where.config.forge.repo if where.config.forge else None
    return Bot(agent=name, user=user, email=f"{user}@{project}.local", repo=repo)


def _with_forge(made: Hiring, wish: Wish, variables: Mapping[str, str]) -> Hiring:
    """With the forge that the project names, whose administrator has been asked for."""
    if (configured := made.place.config.forge) is None:
        return made
    admin = administrator(wish.admin, variables, made.place.services.local_store)
    forge = Forgejo(configured.url, admin.header)
    forge.check()
    return replace(made, forge=forge, admin=admin.origin)


def hire(hiring: Hiring, *, moment: datetime | None = None) -> Iterator[Done]:
    """Do it, step by step.  Raises what the forge refuses: what was stored works as before, and the same call again goes on."""
    yield from _account(hiring, moment or now())
    yield from _key(hiring)
    yield from _files(hiring)
    yield from _section(hiring)
    yield from _compose(hiring)


def _account(hiring: Hiring, moment: datetime) -> Iterator[Done]:
    forge, bot = hiring.forge, hiring.bot
    if forge is None:
        yield Done(what="account", where="the project has no [forge]", how="none made")
        return
    place = hiring.place
    keep = hiring.keep
    if keep is None:
        keep = at_work_for(place.services, hiring.name)
    done = rotate(forge, place.vault(hiring.name), bot, keep=keep, moment=moment)
    how = "made" if done.made else "kept"
    yield Done(what="account", where=f"{bot.user} at {forge.url}", how=how)
    if bot.repo:
        yield Done(what="access", where=f"{bot.repo} at {forge.url}", how="may write")
    shown = place.services.context.home / "credentials" / TYPE / hiring.name
    yield Done(what="token and password", where=str(shown), how="new")
    yield from _tokens(done, bot)


def _tokens(done: Rotated, bot: Bot) -> Iterator[Done]:
    for name in done.revoked:
        yield Done(what="old token", where=f"{name} of {bot.user}", how="revoked")
    for name, until in done.spared:
        how = f"works until {iso(until)[:16]}Z"
        where = f"{name} of {bot.user}; a scheduler, `al up` or `al ps` revokes it then"
        yield Done(what="old token", where=where, how=how)


def _key(hiring: Hiring) -> Iterator[Done]:
    """The key of a hosted model, the agent's own: no agent gets another one's."""
    if not hiring.hosted:
        return
    store, name = hiring.place.services.local_store, f"anthropic_key/{hiring.name}/token"
    shown = str(hiring.place.services.context.home / "credentials" / name)
    before = store.get(name)
    if hiring.key is None:
        how = "kept" if before else f"missing, and required before the start: set {KEY}, hire again"
        yield Done(what="key", where=shown, how=how)
        return
    same = before is not None and before.reveal() == hiring.key.reveal()
    if not same:
        store.put(name, hiring.key, tags={})
    yield Done(what="key", where=shown, how="kept" if same else "stored")


def _files(hiring: Hiring) -> Iterator[Done]:
    shown = f"agents/{hiring.name}"
    how = instruct(hiring.directory, hiring.formula, named=hiring.named)
    origin = "" if how == "kept" else f", from {hiring.formula.origin}"
    yield Done(what="instructions", where=f"{shown}/{SKILL}{origin}", how=how)
    if hiring.forge is not None:
        how = declare(hiring.directory, f"{TYPE}:{hiring.name}")
        yield Done(what="credentials", where=f"{shown}/{CONFIG}", how=how)


def _section(hiring: Hiring) -> Iterator[Done]:
    before, path = hiring.place.text, hiring.place.directory / CONFIG
    if before == hiring.text:
        how = "kept"
    else:
        replace_file(path, hiring.text)
        how = "changed" if section.read(before, hiring.name) else "made"
    yield Done(what="section", where=f"[agents.{hiring.name}] in {CONFIG}", how=how)
    up = is_up(hiring.place.services, hiring.name)
    state = "up: its next run has what is new" if up else "defined, and not up"
    yield Done(what="service", where=f"agents-{hiring.name}", how=state)


def _compose(hiring: Hiring) -> Iterator[Done]:
    """The Compose file, for who uses one: it is written where it is already."""
    directory = hiring.place.directory
    if not (directory / compose.FILE).exists():
        return
    project, environment = load_files(directory, LOCAL, keep_going=True)
    made = compose.composed(project, base=environment.images.get("base"))
    compose.make_places(project)
    compose.write(directory, made.text)
    yield Done(what="Compose file", where=compose.FILE, how="written anew")
