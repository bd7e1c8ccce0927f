"""Waiting for something to become true, with a deadline instead of a guess."""

import time
from collections.abc import Callable


def until(true: Callable[[], object], seconds: float = 30.0) -> None:
    """Returns as soon as `true()` is.  Fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)
