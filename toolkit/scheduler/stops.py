"""Ends runs from outside without waiting for it: a process gets half a minute to end by itself, and who looks after all runs
has no time for that.

A process that exits first lets the stops under way come to their end.  It decides nothing.
"""

import logging
import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait

from toolkit.core.ports import Runtime
from toolkit.core.run import RunHandle, RunId

LOG = logging.getLogger("al.scheduler")
AT_ONCE = 8
PATIENCE = 2.0  # seconds: a cloud has been told by then


class Stops:
    """Those under way in this process; a run is stopped once at a time."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="al-stop")
        self._guard = threading.Lock()
        self._going: dict[RunId, Future[str]] = {}
        self._new: set[RunId] = set()

    def begin(self, runtime: Runtime, handle: RunHandle) -> None:
        """Returns at once.  A stop that fails is logged, and may be begun again."""
        with self._guard:
            if handle.run in self._going:
                return
            stop = self._going[handle.run] = self._pool.submit(runtime.stop, handle)
            self._new.add(handle.run)
        stop.add_done_callback(lambda done: self._ended(handle, done))

    def wait(self, runs: Sequence[RunId], *, seconds: float = PATIENCE) -> None:
        """Until the stops of these runs that have begun since the last wait have ended, or for so long."""
        with self._guard:
            new = self._new.intersection(runs)
            self._new -= new
            going = [self._going[run] for run in new if run in self._going]
        wait(going, timeout=seconds)

    def _ended(self, handle: RunHandle, stop: Future[str]) -> None:
        with self._guard:
            self._going.pop(handle.run, None)
        if not stop.cancelled() and (error := stop.exception()):
            LOG.warning("%s could not be stopped, and will be tried again: %s", handle.run, error)


HERE = Stops()
