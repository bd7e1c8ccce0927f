"""Trying again, for whoever raises an error that says it is temporary."""

import random
import time
from collections.abc import Callable
from typing import TypeVar

from .errors import AlError

T = TypeVar("T")


def retrying(
    call: Callable[[], T],
    *,
    seconds: float = 60.0,
    first: float = 0.2,
    longest: float = 5.0,
    retry: Callable[[AlError], bool] = lambda error: error.temporary,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> T:
    """`call()`, again with exponential back-off and jitter while `retry(error)` and `seconds` last.

    Raises the last error.  `seconds` bounds the whole, waits included.
    """
    deadline, wait = clock() + seconds, first
    while True:
        try:
            return call()
        except AlError as error:
            pause = wait * (0.5 + random.random() / 2)
            if not retry(error) or clock() + pause > deadline:
                raise
        sleep(pause)
        wait = min(wait * 2, longest)
