"""The scheduler: schedules, work, what became of it, housekeeping.  One rule, two clocks.

`al start` calls `run`, which wakes when there is work; a deployed gateway calls `step` from a timer, once a minute,
several gateways at once.  Nothing that matters is kept in this process: it may die at any point.
"""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from toolkit.core.environment import Environment
from toolkit.core.errors import AlError
from toolkit.core.pace import OF_DOCKER

from . import usher
from .bell import Bell
from .clockwork import Clockwork
from .desk import Desk
from .housekeeping import Housekeeping
from .watch import Watch
from .worker import HANDS, HOLD, Worker, new_holder

LOG = logging.getLogger("al.scheduler")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Seconds between two looks: at the queue, at reports, at platforms.  A ring of the bell brings all but the last."""

    queue: float = 1.0
    reports: float = 0.5
    platforms: float = 5.0
    ending: float = 20.0  # for launches that are under way, when the loop ends


HERE = Pace()
LAST = 10.0  # seconds for the launches that are under way when the time to begin any is over
# where each look is a call that somebody pays for
FAR = Pace(queue=5.0, reports=30.0, platforms=10.0)


def pace_of(environment: Environment) -> Pace:
    """By where its runs are, and what looking at them costs."""
    if environment.cloud is not None:
        return FAR
    return replace(HERE, platforms=OF_DOCKER) if environment.docker else HERE


class Loop:
    """The scheduler of one process.  `holder` is its name in the queue: its own, or one that gateways share; `hold` is for
    how many seconds it holds what it takes without a sign of life."""

    def __init__(
        self,
        desk: Desk,
        *,
        holder: str | None = None,
        pace: Pace | None = None,
        bell: Bell | None = None,
        hands: int = HANDS,
        hold: float = HOLD,
    ) -> None:
        self._desk, self._hold = desk, hold
        self._pace = pace or pace_of(desk.services.environment)
        self._bell = bell or Bell()
        name = holder or new_holder()
        self._worker = Worker(desk, name, hands=hands, hold=hold)
        self._watch = Watch(desk, name, hold=hold)
        self._clockwork = Clockwork(desk)
        self._housekeeping = Housekeeping(desk)
        self._done: dict[str, datetime] = {}

    def wake(self) -> None:
        """There is work: look now."""
        self._bell.ring()

    def step(self, moment: datetime, *, seconds: float | None = None) -> None:
        """Everything once, to the end: what was due has been launched when this returns, or what could be begun in
        so many seconds."""
        self._try(lambda: self._clockwork.turn(moment), "schedules")
        self._try(lambda: self._look(ask=True), "runs")
        self._take(seconds)
        self._try(lambda: self._look(ask=False), "runs")
        self._housekeeping.step(moment)

    def launch(self, *, seconds: float | None = None) -> None:
        """Only what waits: until there is nothing more, no room, or no time to begin anything.  Runs that have reported
        their ends make room; platforms are not asked."""
        self._try(lambda: self._look(ask=False), "runs")
        self._take(seconds)

    def _take(self, seconds: float | None) -> None:
        self._worker.until(seconds)
        self._worker.work()
        self._worker.wait(None if seconds is None else seconds + LAST)

    def run(self, stop: threading.Event, *, sleep: Callable[[float], object] | None = None) -> None:
        """Until `stop` is set; then nothing is taken any more, and launches under way are finished or left to others.

        `sleep` is what waits between two passes, for as long as nothing rings."""
        pause = sleep or self._bell.wait
        rang = False
        while not stop.is_set():
            self._pass(self._desk.clock(), rang=rang)
            rang = pause(min(self._pace.queue, self._pace.reports)) is True
        self.close()

    def close(self) -> None:
        """Take nothing more.  Runs go on, and whoever schedules next finds them; what waits for its turn keeps nobody back
        until then."""
        self._worker.close(self._pace.ending)
        self._try(lambda: usher.hush(self._desk.services.ledger), "turns")

    def _pass(self, moment: datetime, *, rang: bool) -> None:
        """What is due, and no wait for a cloud that launches."""
        self._try(lambda: self._clockwork.turn(moment), "schedules")
        ended = 0
        if self._due("platforms", self._pace.platforms, moment):
            self._done["reports"] = moment
            ended = self._looked(ask=True)
        elif self._due("reports", self._pace.reports, moment) or rang:
            ended = self._looked(ask=False)
        if self._due("queue", self._pace.queue, moment) or rang or ended:
            self._worker.work()
        if self._due("heartbeat", self._hold / 4, moment):
            self._try(self._worker.renew, "leases")
        self._housekeeping.step(moment)

    def _look(self, *, ask: bool) -> int:
        return self._watch.look(self._worker.launching, ask=ask)

    def _looked(self, *, ask: bool) -> int:
        ended: list[int] = []
        self._try(lambda: ended.append(self._look(ask=ask)), "runs")
        return sum(ended)

    def _due(self, what: str, every: float, moment: datetime) -> bool:
        last = self._done.get(what)
        if last is not None and timedelta() <= moment - last < timedelta(seconds=every):
            return False
        self._done[what] = moment
        return True

    def _try(self, do: Callable[[], object], what: str) -> None:
        """A cloud that does not answer is asked again at the next pass; the rest goes on meanwhile."""
        try:
            do()
        except AlError as error:
            LOG.warning("%s: %s; trying again", what, error.message)
