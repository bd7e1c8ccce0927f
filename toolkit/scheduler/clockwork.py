"""Keeps the schedules: when each agent was last looked at, and what is due now is queued.

Until when an agent's schedule has been looked at is a fact, `tick/<agent>`, so that a restart finds what was missed.
Several may look at once: a tick's run has the same id whoever queues it, so a tick is done once; only then the fact is
moved on, by comparison.  Whoever dies in between has lost nothing.
"""

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from toolkit.core.clock import from_iso, iso
from toolkit.core.errors import AlError
from toolkit.core.run import Trigger, TriggerKind

from . import switches
from .cron import Tick, looked, next_tick, tick
from .desk import Desk
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
        posts = {name: p for name, p in self._desk.roster().posts.items() if p.schedule}
        due = {name: post for name, post in posts.items() if self._may_fire(name, post, moment)}
        self._next = {name: known for name, known in self._next.items() if name in posts}
        if not due:
            return ()
        facts = self._desk.services.ledger.facts(PREFIX)
        since = {
            name: at for name in due if (at := _since(facts.get(f"{PREFIX}{name}"), due[name]))
        }
        fired = tick(self._desk, since, moment)
        for one in fired:
            self._do(one)
        for name, post in due.items():
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
        new = {"at": iso(until), "schedule": post.schedule, "timezone": post.timezone}
        if new != fact:
            self._desk.services.ledger.set_fact(f"{PREFIX}{name}", new, expected=fact)
        self._next[name] = (post, moment, next_tick(post, until))

    def _do(self, one: Tick) -> None:
        if one.missed:
            LOG.warning("%s: the schedule's start at %s was missed", one.agent, iso(one.at))
            return
        if reason := busy(self._desk, one):
            LOG.warning(
                "%s: the schedule's start at %s is skipped: %s", one.agent, iso(one.at), reason
            )
            return
        trigger = Trigger(agent=one.agent, kind=TriggerKind.SCHEDULE)
        scope = self._desk.services.environment.scope
        try:
            submit(self._desk, trigger, once=ONCE, run=one.run(scope), not_before=one.begin)
        except AlError as error:
            LOG.warning("%s: the schedule starts nothing: %s", one.agent, error.message)


def busy(desk: Desk, one: Tick) -> str:
    """Why a tick starts nothing, a sentence; empty when it does.  While all is paused, or its agent off, it waits."""
    ledger = desk.services.ledger
    if ledger.get(one.run(desk.services.environment.scope)):
        return ""  # it has been done already, by somebody else or before the clock went back
    turned = switches.read(ledger)
    working = sum(item.agent == one.agent for item in ledger.queue.at_work())
    scale = turned.scale(desk.roster(), one.agent)
    return f"{working} of {scale} at work" if 0 < scale <= working else ""


def _since(fact: Mapping[str, Any] | None, post: Post) -> datetime | None:
    """Until when the schedule was looked at; None for one that is new or was changed: it begins now."""
    if not fact or (fact["schedule"], fact["timezone"]) != (post.schedule, post.timezone):
        return None
    return from_iso(fact["at"])
