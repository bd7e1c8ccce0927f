"""Quotas of so many calls in so much time, kept by waiting before a call rather than by being refused.

For any cloud and any quota.  It knows of this process only: what others use up, the service still refuses.
"""

import threading
import time
from collections import deque
from collections.abc import Callable

SHOWN = 1.0  # seconds: a shorter wait is nobody's concern

Waiting = Callable[[float], None]


def _unseen(_seconds: float) -> None:
    """Nobody wants to know."""


class Rate:
    """At most `limit` calls in any `per` seconds, from all threads together; first come, first served.

    No window of that length ever holds more, so it fits quotas that count by the clock's minute as well as those that
    trickle back (https://cloud.google.com/docs/quotas/overview#rate_quotas).
    """

    def __init__(
        self,
        limit: int,
        per: float = 60.0,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._per, self._clock, self._sleep = per, clock, sleep
        self._due: deque[float] = deque(maxlen=limit)  # when the last calls are made, or will be
        self._lock = threading.Lock()

    def take(self, calls: int = 1, *, waiting: Waiting = _unseen) -> None:
        """Wait until so many calls more may be made, and count them as made then.  `waiting` is told the seconds of a
        wait that is longer than SHOWN."""
        pause = self._reserved(calls) - self._clock()
        if pause <= 0:
            return
        if pause > SHOWN:
            waiting(pause)
        self._sleep(pause)

    def free(self) -> bool:
        """Whether a call could be made now without waiting."""
        with self._lock:
            return self._next() <= self._clock()

    def _reserved(self, calls: int) -> float:
        """When the last of so many calls may be made."""
        with self._lock:
            for _ in range(calls):
                self._due.append(self._next())
            return self._due[-1]

    def _next(self) -> float:
        full = len(self._due) == self._due.maxlen
        freed = self._due[0] + self._per if full else self._clock()
        return max(self._clock(), freed, self._due[-1] if self._due else freed)
