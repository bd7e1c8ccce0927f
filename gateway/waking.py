"""A deployed gateway as its environment's scheduler: what it does when a timer, a task's end or itself wakes it.

Nothing runs between two invocations, so each does what is due and leaves the rest to the next one.  The events come at
least once, several at a time and in any order: a tick is queued once and a run settled once, by the ledger.  Which
cloud it is in it does not know.
"""

import logging
import threading
from collections.abc import Callable
from dataclasses import replace

from toolkit.core.errors import AlError
from toolkit.core.run import RunId
from toolkit.scheduler.desk import Desk
from toolkit.scheduler.ending import over
from toolkit.scheduler.loop import Loop
from toolkit.scheduler.settle import settle

LOG = logging.getLogger("al.gateway")
# Who takes work in a gateway's name: any of its processes goes on with what another has begun.
HOLDER = "gateway"


class Waking:
    """The scheduler's side of one process of the gateway.  `call_on` wakes another process, or this one once more."""

    def __init__(self, desk: Desk, call_on: Callable[[], None]) -> None:
        self._rung = threading.Event()
        self.desk = replace(desk, wake=self._rung.set)
        self._loop = Loop(self.desk, holder=HOLDER)
        self._call_on = call_on

    def timer(self, seconds: float) -> None:
        """Everything: schedules, runs, work, housekeeping.  Nothing new is begun after so many seconds."""
        self._loop.step(self.desk.clock(), seconds=seconds)

    def work(self, seconds: float) -> None:
        """There is work, and that is all that there is to look at."""
        self._loop.launch(seconds=seconds)

    def ended(self, run: RunId, seconds: float) -> None:
        """A run's place has ended: record what became of it, and use the room.  One that is not ours is nobody's."""
        record = self.desk.services.ledger.get(run)
        if record is None:
            return
        (settled,) = settle(self.desk.services, [record])
        if settled.state.final:
            over(self.desk, settled)
        self._loop.launch(seconds=seconds)

    def pass_on(self) -> None:
        """When something was queued, see that somebody takes it.  It is durable already: who fails here is made good
        for by the timer."""
        if not self._rung.is_set():
            return
        self._rung.clear()
        try:
            self._call_on()
        except AlError as error:
            LOG.warning("what was queued waits for the timer: %s", error.message)
