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

from toolkit.core.agent import AgentName
from toolkit.core.clock import now
from toolkit.core.secrets import Secret

from . import section
from .account import account
from .admin import administrator
from .files import declaring
from .forgejo import Forgejo
from .formula import find
from .hiring import Done, Hiring
from .left import refuse_another_s
from .name import checked_name, checked_role
from .place import Place, place
from .rotation import Bot, foreseen, rotate
from .section import Section
from .server import trouble
from .steps import KEY, steps

__all__ = ["Done", "Hiring", "Wish", "decide", "hire", "preview"]


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
    declaring(made.directory, made.credential)  # refused now, before an account is renewed
    admin = administrator(wish.admin, variables, made.place.services.local_store)
    forge = Forgejo(configured.url, admin.header)
    forge.check()
    if made.bot.repo:
        forge.find(made.bot.repo)
    refuse_another_s(made.place.vault(made.name), forge, made.bot.user, made.bot.email)
    return replace(made, forge=forge, admin=admin.origin)


def hire(hiring: Hiring, *, moment: datetime | None = None) -> Iterator[Done]:
    """Do it, step by step.  Raises what the forge refuses: what was stored works as before, and the same call again goes on."""
    yield from account(hiring, moment or now(), rotate)
    for step in steps(hiring):
        if step.do:
            step.do()
        yield step.done


def preview(hiring: Hiring, *, moment: datetime | None = None) -> Iterator[Done]:
    """What `hire` would do, as far as can be seen: the forge is asked, and nothing is changed anywhere.  Raises as that does."""
    yield from account(hiring, moment or now(), foreseen)
    for step in steps(hiring):
        yield step.done
