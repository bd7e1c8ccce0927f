"""Keeps the schedules: when each agent was last looked at, and what is due now is queued.

Until when an agent's schedule has been looked at is a fact, `tick/<agent>`, so that a restart finds what was missed.
Several may look at once: a tick's run has the same id whoever queues it, so a tick is done once; only then the fact is
moved on, by comparison.  Whoever dies in between has lost nothing.
"""

import logging
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from toolkit.core.clock import from_iso, iso
from toolkit.core.errors import AlError
from toolkit.core.run import Trigger, TriggerKind

from . import switches
from .cron import Tick, looked, next_tick, tick
from .desk import Desk
from .origin import name_of
from .roster import Post
from .submit import submit

LOG = logging.getLogger("al.scheduler")
PREFIX = "tick/"
ONCE = "schedule"  # of an agent's scheduled runs only one waits


class Clockwork:
    """The schedules of one scheduler.  Between two ticks it costs no call."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._next: dict[str, tuple[Post, datetime, datetime | None]] = {}

    def turn(self, moment: datetime) -> tuple[Tick, ...]:
        """Queue what is due; every tick that fired, those that were skipped too."""
        posts = {name: p for name, p in self._desk.roster().posts.items() if p.timing}
        due = {name: post for name, post in posts.items() if self._may_fire(name, post, moment)}
        self._next = {name: known for name, known in self._next.items() if name in posts}
        if not due:
            return ()
        facts = self._desk.services.ledger.facts(PREFIX)
        since = {
            name: at for name in due if (at := _since(facts.get(f"{PREFIX}{name}"), due[name]))
        }
        fired = tick(self._desk, since, moment)
        at_work = self._at_work() if fired else Counter[str]()
        undone = {one.agent for one in fired if not self._do(one, at_work[one.agent])}
        for name, post in ((n, p) for n, p in due.items() if n not in undone):
            self._mark(name, post, since.get(name), facts.get(f"{PREFIX}{name}"), moment)
        return fired

    def _may_fire(self, name: str, post: Post, moment: datetime) -> bool:
        """False when the next tick is known, and still to come; also when the clock has gone back behind the last look."""
        known = self._next.get(name)
        if known is None or known[0] != post or moment < known[1]:
            return True
        return known[2] is not None and known[2] <= moment

    def _mark(
        self, name: str, post: Post, since: datetime | None, fact: Any, moment: datetime
    ) -> None:
        until = looked(since, moment) if since else moment
        new = {"at": iso(until), "schedule": post.timing, "timezone": post.timezone}
        if new != fact:
            self._desk.services.ledger.set_fact(f"{PREFIX}{name}", new, expected=fact)
        self._next[name] = (post, moment, next_tick(post, until))

    def _at_work(self) -> Counter[str]:
        """One look for all that fire at once."""
        return Counter(str(item.agent) for item in self._desk.services.ledger.queue.at_work())

    def _do(self, one: Tick, working: int) -> bool:
        """Every tick starts a run, or somebody hears why not; False when that must be tried again."""
        if one.makes_good and one.first:
            self._tell(one, "stands for all since %s", iso(one.first), level=logging.INFO)
        if one.missed:
            self._tell(one, "was missed")
            return True
        if skipped := self._skipped(one, working):
            level, reason = skipped
            self._tell(one, "is skipped: %s", reason, level=level)
            return True
        return self._submitted(one)

    def _submitted(self, one: Tick) -> bool:
        trigger = Trigger(agent=one.agent, kind=TriggerKind.SCHEDULE)
        origin = one.origin(self._desk.services.environment.scope)
        try:
            added = submit(self._desk, trigger, once=ONCE, origin=origin, not_before=one.begin)
        except AlError as error:
            LOG.warning(
                "%s: the schedule's start at %s fails: %s", one.agent, iso(one.at), error.message
            )
            return not error.temporary
        if added.joined:
            self._tell(one, "is that of %s, which waits", added.run, level=logging.INFO)
        return True

    def _tell(self, one: Tick, what: str, *words: str, level: int = logging.WARNING) -> None:
        """A loop has so many ticks that only those that start something are news."""
        quiet = self._desk.roster().post(one.agent).every and level > logging.INFO
        LOG.log(
            logging.DEBUG if quiet else level,
            f"%s: the schedule's start at %s {what}",
            one.agent,
            iso(one.at),
            *words,
        )

    def _skipped(self, one: Tick, working: int) -> tuple[int, str] | None:
        """Why it starts nothing, and how loudly that is said: a loop may find its agent at work each time."""
        post = self._desk.roster().post(one.agent)
        turned = switches.read(self._desk.services.ledger)
        if why := turned.idle(post):
            return (logging.INFO if post.agent in turned.up else logging.DEBUG), why
        if why := busy(self._desk, one, working):
            return (logging.INFO if post.every else logging.WARNING), why
        return None


def forget(desk: Desk, before: datetime) -> None:
    """How far schedules came that were last looked at before then, of agents that have none any more."""
    ledger = desk.services.ledger
    roster = desk.roster()
    timed = [name for name, post in roster.posts.items() if post.timing]
    kept = {f"{PREFIX}{name}" for name in (*timed, *roster.others)}
    for key, fact in ledger.facts(PREFIX).items():
        if key not in kept and from_iso(fact["at"]) < before:
            ledger.set_fact(key, None, expected=fact)


def busy(desk: Desk, one: Tick, working: int) -> str:
    """Why a tick starts nothing, a sentence; empty when it does.  While all is paused, or its agent off, it waits."""
    ledger, scope = desk.services.ledger, desk.services.environment.scope
    _, done = name_of(ledger, one.agent, one.origin(scope))
    if done:
        return ""  # by somebody else, or before the clock went back
    turned = switches.read(ledger)
    scale = turned.scale(desk.roster(), one.agent)
    return f"{working} of {scale} at work" if 0 < scale <= working else ""


def _since(fact: Mapping[str, Any] | None, post: Post) -> datetime | None:
    """Until when the schedule was looked at; None for one that is new or was changed: it begins now."""
    if not fact or (fact["schedule"], fact["timezone"]) != (post.timing, post.timezone):
        return None
    return from_iso(fact["at"])
