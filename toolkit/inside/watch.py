"""Ends a run from outside of its work: at its deadline, when it is asked to stop, on SIGTERM.

The run's own timer works even when everybody else has died.  The stop flag is polled, because nothing can end a
Lambda invocation from outside (D11b).
"""

import queue
import threading
import time
from collections.abc import Callable

from toolkit.core.errors import AlError
from toolkit.core.ports import Platform
from toolkit.core.run import RunState

from .lines import Log
from .signals import MOST_STATUS, Signals

_Word = RunState | None  # None: the run is over, stop watching


class Watch:
    """Calls `end` once, from its own thread, and remembers why."""

    def __init__(self, *, deadline: float, end: Callable[[], None]) -> None:
        self.verdict: RunState | None = None
        self._deadline = deadline  # on the clock of time.monotonic
        self._end = end
        self._words: queue.SimpleQueue[_Word] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._wait, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """The run shall end.  May be called from a signal handler: SimpleQueue.put is reentrant."""
        self._words.put(RunState.STOPPED)

    def close(self) -> None:
        """The work is done: from now on there is no verdict.  Returns when `end` has, if it was called."""
        self._words.put(None)
        self._thread.join()

    def _wait(self) -> None:
        try:
            word = self._words.get(timeout=max(0.0, self._deadline - time.monotonic()))
        except queue.Empty:
            word = RunState.TIMED_OUT
        if word is not None:
            self.verdict = word
            self._end()


class Poller:
    """Looks every `interval` seconds for a stop flag, and passes on what the agent says with `al-status`."""

    def __init__(
        self, platform: Platform, watch: Watch, signals: Signals, log: Log, interval: float
    ) -> None:
        self._platform, self._watch, self._signals, self._log = platform, watch, signals, log
        self._interval = interval
        self._over = threading.Event()
        self._told: str | None = None
        self._thread = threading.Thread(target=self._poll, daemon=True)

    def __enter__(self) -> "Poller":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _poll(self) -> None:
        over = False
        while not over:  # the first look is at once: the wish may be older than the run
            try:
                self._look()
            except AlError as error:
                self._log.warn("the run's mailbox could not be reached", error=error.message)
            over = self._over.wait(self._interval)

    def _look(self) -> None:
        if self._platform.stop_requested():
            self._watch.stop()
        if (status := self._signals.status) and status != self._told:
            shown = self._log.redactor.text(status)[:MOST_STATUS]
            self._log.info("status", text=shown)
            self._log.tell(status=shown)
            self._platform.note(status=shown)
            self._told = status
