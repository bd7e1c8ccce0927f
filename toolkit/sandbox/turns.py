"""How many requests to one function's URL are carried out at the same time.

A cloud would start a process for each; on one machine that many get in each other's way until none is answered in time.  Who
has waited too long is told to come again, as Lambda tells it beyond an account's concurrency
(https://docs.aws.amazon.com/lambda/latest/dg/lambda-concurrency.html).
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

MOST = 8 * (os.cpu_count() or 1)  # more than are busy: followers of logs wait for lines
WAITING = 10.0  # seconds


class Turns:
    """Of one function."""

    def __init__(self, most: int = MOST, waiting: float = WAITING) -> None:
        self._free = threading.BoundedSemaphore(most)
        self._waiting = waiting

    @contextmanager
    def one(self) -> Iterator[bool]:
        """Whether it is one's turn, in the end."""
        got = self._free.acquire(timeout=self._waiting)
        try:
            yield got
        finally:
            if got:
                self._free.release()
