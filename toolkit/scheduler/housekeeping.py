"""What nobody does on the way: run secrets that were left behind, runs that nobody watches, old history, work of agents
that are gone.  Each on its own interval, and a failure of one keeps none of the others."""

import logging
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta

from toolkit.core.agent import Agent, AgentName
from toolkit.core.clock import iso
from toolkit.core.errors import AlError, NotFound
from toolkit.core.placement import place_of, runtime_name
from toolkit.core.ports import KeepsHere, Runtime
from toolkit.core.run import Cause, Run, RunState
from toolkit.wiring import Services

from . import clockwork, turns, usher
from .desk import Desk
from .dispatch import definition_of
from .ending import over
from .line import Place
from .rooms import open_rooms
from .sweeper import RECENT, sweep
from .watch import settled_apart

LOG = logging.getLogger("al.scheduler")
MOST_ACTIVE = 500  # runs without an item that are looked at in one go
MOST_WAITING = 5_000  # waiting ones that may stand before them
LEAST_DAYS = 7  # a sender may repeat a delivery for days; its number is known for so long
MOST_GONE = 100  # items of an agent that is gone, in one go


def sweep_secrets(desk: Desk, moment: datetime) -> None:
    """Delete run secrets whose run will not read them any more (D3), wherever agents run."""
    for services in _places(desk):
        try:
            _sweep(services, desk.clock)
        except NotFound:  # nothing was pushed there yet
            continue
        except AlError as error:
            where = services.environment.name
            LOG.warning("the secrets of runs in %s cannot be seen: %s", where, error.message)
    # receipts here of runs elsewhere are completed with the store that is there
    away = [run for run in desk.services.ledger.runs(limit=RECENT) if _incomplete(desk, run)]
    settled_apart(desk.services, away, ask=False)


def _sweep(services: Services, clock: Callable[[], datetime]) -> None:
    names = services.context.names
    for swept in sweep(services.run_secrets, services.ledger, names, now=clock):
        if swept.error:
            LOG.warning("the secret of %s is still there: %s", swept.run, swept.error)
        else:
            LOG.info("the secret of %s was deleted: %s", swept.run, swept.reason)


def settle_unwatched(desk: Desk, moment: datetime) -> None:
    """Runs that were started by hand and whose starter has gone: their ends are recorded too."""
    ledger = desk.services.ledger
    queued = {item.run for item in ledger.queue.at_work()}
    waiting = min(sum(ledger.queue.lengths().values()), MOST_WAITING)
    active = ledger.runs(active=True, limit=MOST_ACTIVE + waiting)
    alone = [run for run in active if run.state is not RunState.QUEUED and run.id not in queued]
    known = [run for run in alone if desk.services.reaches(place_of(run.runtime))]
    for run in settled_apart(desk.services, known, ask=True):
        if run.state.final:
            over(desk, run)


def _places(desk: Desk) -> list[Services]:
    """The environment itself, and those of its agents that can be reached."""
    names = {post.environment for post in desk.roster().posts.values()}
    others = sorted(name for name in names if name and desk.services.reaches(name))
    return [
        desk.services,
        *(desk.services.at(name) for name in others if name != desk.services.environment.name),
    ]


def _incomplete(desk: Desk, run: Run) -> bool:
    place = place_of(run.runtime)
    known = run.state.final and run.lease is not None and not run.receipt.verified_absent
    return known and place is not None and desk.services.reaches(place)


def drop_orphans(desk: Desk, moment: datetime) -> None:
    """End waiting work of agents that are neither in the roster nor pushed."""
    ledger, roster = desk.services.ledger, desk.roster()
    if not roster.posts:
        return  # before the first push nothing is known of anybody
    for agent in ledger.queue.lengths():
        if agent in roster.posts or agent in roster.others or _pushed(desk, agent):
            continue
        reason = f"{agent} is no longer in the project"
        for item in ledger.queue.waiting(agent, limit=MOST_GONE):
            if item.holder is None:
                ended = ledger.update(item.run, state=RunState.FAILED, cause=Cause.DROPPED,
                                      reason=reason, finished=iso(moment))  # fmt: skip
                LOG.warning("%s was dropped: %s", item.run, reason)
                over(desk, ended)


def keep_turns(desk: Desk, moment: datetime) -> None:
    """Turns at backends: those at work keep theirs, the lost lose it, and who has waited too long or is not wanted any
    more waits no longer."""
    services = desk.services
    if not turns.read(services.ledger):
        return
    usher.clear(services, {item.run for item in services.ledger.queue.at_work()}, moment)
    usher.dismiss_the_unwanted(services.ledger, open_rooms(desk).agents)
    for place in usher.queued(services.ledger):
        _wait_on(desk, place, moment)
    usher.dismiss_the_gone(services, moment)


def _wait_on(desk: Desk, place: Place, moment: datetime) -> None:
    """It is still waited with; or given up."""
    ledger = desk.services.ledger
    standing = usher.stands(ledger, place.run, moment)
    if standing is None or not usher.is_too_long(standing, desk.roster().backend_wait, moment):
        turns.beat(ledger, (place.run,), moment)
        return
    ended = ledger.update(place.run, state=RunState.FAILED, cause=Cause.BACKEND_BUSY,
                          reason=usher.too_long(standing, moment), finished=iso(moment))  # fmt: skip
    LOG.warning("%s was given up: %s", place.run, ended.reason)
    over(desk, ended)


def prune(desk: Desk, moment: datetime) -> None:
    """Forget history that is older than the project wants it kept, what this machine keeps of such runs, and schedules
    that ended as long ago."""
    before = moment - timedelta(days=max(desk.roster().retention_days, LEAST_DAYS))
    if gone := desk.services.ledger.prune(before):
        LOG.info("%s old runs, calls and deliveries were forgotten", gone)
    clockwork.forget(desk, before)
    for runtime in _runtimes(desk):
        if isinstance(runtime, KeepsHere) and (left := runtime.forget(before)):
            LOG.info("logs and directories of %s old runs were removed", left)


def _runtimes(desk: Desk) -> Iterator[Runtime]:
    """Those of the project's agents; a deployed gateway has no project, and keeps nothing where it runs."""
    project = desk.services.project
    agents = project.agents if project else ()
    for name in {_runtime_of(desk.services, agent) for agent in agents}:
        yield desk.services.runtime(name)


def _runtime_of(services: Services, agent: Agent) -> str:
    return services.named(
        runtime_name(agent, services.for_agent(agent).environment), agent.environment
    )


CHORES: Mapping[Callable[[Desk, datetime], None], timedelta] = {
    drop_orphans: timedelta(minutes=1),
    settle_unwatched: timedelta(minutes=1),
    keep_turns: timedelta(minutes=1),
    sweep_secrets: timedelta(minutes=10),
    prune: timedelta(hours=1),
}


class Housekeeping:
    """Remembers when each chore was done last; all are due at first."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._done: dict[Callable[[Desk, datetime], None], datetime] = {}

    def step(self, moment: datetime) -> None:
        """Do what is due.  A clock that went back does not stop it."""
        for chore, every in CHORES.items():
            last = self._done.get(chore)
            if last is not None and timedelta() <= moment - last < every:
                continue
            self._done[chore] = moment
            try:
                chore(self._desk, moment)
            except AlError as error:
                LOG.warning("housekeeping: %s: %s", chore.__name__.replace("_", " "), error.message)


def _pushed(desk: Desk, agent: str) -> bool:
    """Without a cloud the project's files alone say which agents there are."""
    services = desk.services
    if services.environment.cloud is None:
        return False
    try:
        definition_of(services, AgentName(agent))
    except NotFound:
        return False
    return True
