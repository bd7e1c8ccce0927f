"""What nobody does on the way: run secrets that were left behind, runs that nobody watches, old history, work of agents
that are gone.  Each on its own interval, and a failure of one keeps none of the others."""

import logging
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta

from toolkit.core.agent import AgentName
from toolkit.core.clock import iso
from toolkit.core.errors import AlError, NotFound
from toolkit.core.placement import runtime_name
from toolkit.core.ports import KeepsHere, Runtime
from toolkit.core.run import Cause, RunState

from .desk import Desk
from .dispatch import definition_of
from .ending import over
from .settle import settle
from .sweeper import sweep

LOG = logging.getLogger("al.scheduler")
MOST_ACTIVE = 500  # runs without an item that are looked at in one go
MOST_WAITING = 5_000  # waiting ones that may stand before them
LEAST_DAYS = 7  # a sender may repeat a delivery for days; its number is known for so long
MOST_GONE = 100  # items of an agent that is gone, in one go


def sweep_secrets(desk: Desk, moment: datetime) -> None:
    """Delete run secrets whose run will not read them any more (D3)."""
    services = desk.services
    names = services.context.names
    for swept in sweep(services.run_secrets, services.ledger, names, now=desk.clock):
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
    for run in settle(desk.services, alone):
        if run.state.final:
            over(desk, run)


def drop_orphans(desk: Desk, moment: datetime) -> None:
    """End waiting work of agents that are neither in the roster nor pushed."""
    ledger, roster = desk.services.ledger, desk.roster()
    if not roster.posts:
        return  # before the first push nothing is known of anybody
    for agent in ledger.queue.lengths():
        if agent in roster.posts or _pushed(desk, agent):
            continue
        reason = f"{agent} is no longer in the project"
        for item in ledger.queue.waiting(agent, limit=MOST_GONE):
            if item.holder is None:
                ended = ledger.update(item.run, state=RunState.FAILED, cause=Cause.DROPPED,
                                      reason=reason, finished=iso(moment))  # fmt: skip
                LOG.warning("%s was dropped: %s", item.run, reason)
                over(desk, ended)


def prune(desk: Desk, moment: datetime) -> None:
    """Forget history that is older than the project wants it kept, and what this machine keeps of such runs."""
    before = moment - timedelta(days=max(desk.roster().retention_days, LEAST_DAYS))
    if gone := desk.services.ledger.prune(before):
        LOG.info("%s old runs, calls and deliveries were forgotten", gone)
    for runtime in _runtimes(desk):
        if isinstance(runtime, KeepsHere) and (left := runtime.forget(before)):
            LOG.info("logs and directories of %s old runs were removed", left)


def _runtimes(desk: Desk) -> Iterator[Runtime]:
    """Those of the project's agents; a deployed gateway has no project, and keeps nothing where it runs."""
    project, environment = desk.services.project, desk.services.environment
    agents = project.agents if project else ()
    for name in {runtime_name(agent, environment) for agent in agents}:
        yield desk.services.runtime(name)


CHORES: Mapping[Callable[[Desk, datetime], None], timedelta] = {
    drop_orphans: timedelta(minutes=1),
    settle_unwatched: timedelta(minutes=1),
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
