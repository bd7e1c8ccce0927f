"""The two ways in which a gateway that listens is its environment's scheduler.

Where its instances always have a processor, the scheduler's loop runs beside the answers.  Where they have one while they
answer only, as Cloud Run has it by default (https://cloud.google.com/run/docs/configuring/billing-settings), nothing can
run beside them: all is done within requests, a timer's and its own.  Which of the two it is, AL_SCHEDULER says.
"""

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Protocol

from toolkit.scheduler.bell import Bell
from toolkit.scheduler.desk import Desk
from toolkit.scheduler.loop import FAR, Loop

from .waking import Waking

LOG = logging.getLogger("al.gateway")
VARIABLE, LOOP = "AL_SCHEDULER", "loop"
# of the 10 seconds that an instance has after SIGTERM (https://cloud.google.com/run/docs/container-contract)
ENDING = 3.0


class Scheduling(Protocol):
    """What a gateway that listens does beside answering.  `desk` is the one that its routes are given."""

    desk: Desk

    def begin(self) -> None:
        """The process begins to answer."""

    def tick(self, seconds: float) -> None:
        """A timer's minute: all that is due.  Nothing new is begun after so many seconds."""

    def work(self, seconds: float) -> None:
        """There is work."""

    @property
    def rung(self) -> bool:
        """Whether something was queued that another request must take."""

    def pass_on(self) -> None:
        """See that one comes."""

    def end(self) -> None:
        """The process ends."""


class Beside:
    """The loop on a thread of its own; ticks only wake it.  `failed` is called when it breaks, for which the process had
    better begin anew."""

    rung = False

    def __init__(self, desk: Desk, failed: Callable[[], None]) -> None:
        bell = Bell()
        self.desk = replace(desk, wake=bell.ring)
        self._loop = Loop(self.desk, bell=bell, pace=replace(FAR, ending=ENDING))
        self._bell, self._failed = bell, failed
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="al-scheduler", daemon=True)

    def begin(self) -> None:
        self._thread.start()

    def tick(self, seconds: float) -> None:
        self._loop.wake()

    def work(self, seconds: float) -> None:
        self._loop.wake()

    def pass_on(self) -> None:
        """Nothing: the desk's bell was heard."""

    def end(self) -> None:
        self._stop.set()
        self._bell.ring()
        self._thread.join(ENDING)

    def _run(self) -> None:
        try:
            self._loop.run(self._stop)
        except Exception:  # a gateway that answers and starts nothing would look healthy
            LOG.exception("the scheduler broke; this process ends")
            self._failed()


class Within(Waking):
    """Everything within requests.  `call_on` has this service called once more."""

    def __init__(self, desk: Desk, call_on: Callable[[], None]) -> None:
        super().__init__(desk, call_on)
        self._ticking = threading.Lock()

    @property
    def rung(self) -> bool:
        return self._rung.is_set()

    def begin(self) -> None:
        """Nothing, until a request comes."""

    def tick(self, seconds: float) -> None:
        """One at a time in this process: another that goes on does the same."""
        if not self._ticking.acquire(blocking=False):
            return
        try:
            self.timer(seconds)
        finally:
            self._ticking.release()

    def end(self) -> None:
        """Nothing: what is under way another process looks after."""


def scheduling(
    desk: Desk,
    environment: Mapping[str, str],
    *,
    call_on: Callable[[], None],
    failed: Callable[[], None],
) -> Scheduling:
    """The one that the process's environment asks for."""
    if environment.get(VARIABLE) == LOOP:
        return Beside(desk, failed)
    return Within(desk, call_on)
