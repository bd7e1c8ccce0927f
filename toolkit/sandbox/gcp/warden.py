"""Who looks after running containers: that none outlives its time, or takes more memory than it has."""

import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .attempts import Attempt

EVERY = 0.25  # seconds


class Warden:
    """One thread for all attempts, running while there are any."""

    def __init__(self) -> None:
        self._watched: set[Attempt] = set()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def watch(self, attempt: "Attempt") -> None:
        with self._changed:
            self._watched.add(attempt)
            if self._thread is None:
                self._thread = threading.Thread(target=self._look, daemon=True, name="run-warden")
                self._thread.start()
            self._changed.notify()

    def forget(self, attempt: "Attempt") -> None:
        with self._changed:
            self._watched.discard(attempt)

    def _look(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._watched)
                watched = tuple(self._watched)
            for attempt in watched:
                attempt.look()
            time.sleep(EVERY)
