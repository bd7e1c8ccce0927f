"""When schedules fire: decisions over an agent's post and two moments.  Pure; starting something is the loop's.

A tick is a moment in UTC at which a schedule fires.  Of several that are due at once only the newest counts: one run
does the work of all.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from toolkit.config import schedule
from toolkit.core.agent import AgentName
from toolkit.core.environment import Scope
from toolkit.core.run import RunId

from . import switches
from .desk import Desk
from .origin import named
from .roster import Post

# a deployed gateway looks once a minute, and the timer that wakes it may be a minute late itself
LATE = timedelta(minutes=3)
# clocks of several who look differ by less; whoever finds more looks at a clock that was wrong
SKEW = timedelta(minutes=10)
# how far back the newest tick is looked for first: most schedules fire at least so often
_WINDOWS = (timedelta(hours=1), timedelta(days=1), timedelta(days=32))


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """A schedule that fired at `at`, and before that, since the last look, from `first` on.  `missed`: nobody was there in
    time, and the agent wants no late start."""

    agent: AgentName
    at: datetime
    begin: datetime  # `at` and the agent's jitter
    missed: bool = False
    first: datetime | None = None

    @property
    def makes_good(self) -> bool:
        """Whether it stands for others too."""
        return self.first is not None and self.first < self.at

    def origin(self, scope: Scope) -> str:
        """The same for whoever decides it, and however often: so a tick starts one run."""
        return f"{scope.project}/{scope.environment}/{self.agent}@{self.at.isoformat()}"

    def run(self, scope: Scope) -> RunId:
        """The id of its run, unless that is another run's."""
        return named(self.agent, self.origin(scope))


def tick(desk: Desk, since: Mapping[str, datetime], moment: datetime) -> tuple[Tick, ...]:
    """What has fired after `since`, by agent, and until `moment`.  An agent that is not named is new: nothing of it has."""
    posts = desk.roster().posts
    found = (due(post, since[name], moment) for name, post in posts.items() if name in since)
    return tuple(one for one in found if one)


def due(post: Post, since: datetime, moment: datetime) -> Tick | None:
    """The newest tick of an agent after `since` and until `moment`, if there is one."""
    at = _newest(post, since, moment)
    if at is None:
        return None
    missed = post.missed == "skip" and moment - at > LATE
    begin, first = at + jitter(post, at), next_tick(post, since)
    return Tick(agent=post.agent, at=at, begin=begin, missed=missed, first=first)


def next_tick(post: Post, after: datetime) -> datetime | None:
    """When the schedule fires next, in UTC, without its jitter; None for never."""
    return next(_ticks(post, after), None)


def next_start(post: Post, moment: datetime) -> datetime | None:
    """When the schedule starts a run next, jitter included; None for never.  Pure."""
    longest = timedelta(seconds=post.jitter)
    for at in _ticks(post, moment - longest):
        begin = at + jitter(post, at)
        if begin > moment:
            return begin
    return None


def next_run(desk: Desk, agent: str) -> datetime | None:
    """The same as things stand: None also for an agent that is off, and while all is paused.  Raises NotFound."""
    roster = desk.roster()
    post, turned = roster.post(agent), switches.read(desk.services.ledger)
    off = turned.paused or agent in turned.disabled or bool(turned.idle(post))
    if off or turned.scale(roster, agent) == 0:
        return None
    return next_start(post, desk.clock())


def jitter(post: Post, at: datetime) -> timedelta:
    """How much later than its tick a run starts: up to the agent's jitter, and the same whoever asks."""
    if post.jitter == 0:
        return timedelta()
    number = hashlib.sha256(f"{post.agent}@{at.isoformat()}".encode()).digest()[:8]
    return timedelta(seconds=int.from_bytes(number) % (post.jitter + 1))


def looked(since: datetime, moment: datetime) -> datetime:
    """From when on ticks are still to be found, after a look at `moment`.

    A clock that went back a little finds nothing new until it has caught up.  One that went back far was wrong before,
    and what it had found ahead of time would keep the schedule still.
    """
    return moment if moment > since or since - moment > SKEW else since


def _newest(post: Post, since: datetime, moment: datetime) -> datetime | None:
    for window in _WINDOWS:
        if moment - window <= since:
            break
        if at := _last(post, moment - window, moment):
            return at
    return _last(post, since, moment)


def _last(post: Post, after: datetime, until: datetime) -> datetime | None:
    last = None
    for at in _ticks(post, after):
        if at > until:
            break
        last = at
    return last


def _ticks(post: Post, after: datetime) -> Iterator[datetime]:
    """In UTC.  Where the clocks are changed the wall is no order: what comes first is asked for first.

    A loop's ticks are the multiples of its interval since 1970, so that whoever looks finds the same ones.
    """
    if post.schedule is None:
        yield from _loop(post.every, after) if post.every else ()
        return
    local = after.astimezone(ZoneInfo(post.timezone))
    yield from (at.astimezone(UTC) for at in schedule.ticks(post.schedule, local))


def _loop(every: int, after: datetime) -> Iterator[datetime]:
    number = int(after.timestamp() // every)
    while True:
        number += 1
        yield datetime.fromtimestamp(number * every, UTC)
