"""A deployed gateway as its environment's scheduler: what it does when a timer, a task's end or itself wakes it.

Nothing runs between two invocations, so each does what is due and leaves the rest to the next one.  The events come at
least once, several at a time and in any order: a tick is queued once and a run settled once, by the ledger.  Which
cloud it is in it does not know.
"""

import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from toolkit.core.clock import from_iso, iso
from toolkit.core.errors import AlError
from toolkit.core.run import RunId
from toolkit.scheduler.desk import Desk
from toolkit.scheduler.ending import over
from toolkit.scheduler.loop import Loop
from toolkit.scheduler.settle import settle

LOG = logging.getLogger("al.gateway")
# The fact that somebody was woken and has not begun to look.  What is queued while it stands he will find; so a burst of
# webhooks wakes one process, and not one each.
FACT = "waking"
LOST = timedelta(seconds=5)  # after which he is not waited for: he may never have been started
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
        self.desk.services.ledger.set_fact(
            FACT, None
        )  # before the look: what comes later wakes anew
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
            if self._falls_to_us():
                self._call()
        except AlError as error:
            LOG.warning("what was queued waits for the timer: %s", error.message)

    def _falls_to_us(self) -> bool:
        """Whether to wake somebody: not while one is on his way, and of many who find nobody one does."""
        ledger, moment = self.desk.services.ledger, self.desk.clock()
        known = ledger.fact(FACT)
        if known is not None and moment - from_iso(known["at"]) < LOST:
            return False
        return ledger.set_fact(FACT, {"at": iso(moment)}, expected=known)

    def _call(self) -> None:
        try:
            self._call_on()
        except AlError:
            self.desk.services.ledger.set_fact(FACT, None)  # nobody is on his way
            raise
