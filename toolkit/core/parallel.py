"""Doing one thing to many, several at a time.

Threads only: whoever calls decides how many, for a service's limits are the caller's to know.

Every wait ends by itself and begins again.  Python runs a signal's handler in the main thread, between two of its
steps; a SIGINT that the system delivers to another thread does not wake the main one, so in an endless wait Ctrl-C
would do nothing until the last call has returned (https://docs.python.org/3/library/signal.html#execution-of-python-signal-handlers).
"""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from typing import Any, TypeVar

T = TypeVar("T")
R = TypeVar("R")

SPELL = 0.2  # seconds that one wait lasts
WAITING = "interrupted: waiting for the calls that are under way"  # for whoever is told


def at_once(
    do: Callable[[T], R],
    things: Iterable[T],
    *,
    most: int,
    interrupted: Callable[[], object] = lambda: None,
) -> list[R]:
    """`do` of all things, `most` of them side by side; the answers in the order of the things.

    After the first failure nothing further begins; that failure is raised when what is under way has ended.  The same
    for Ctrl-C, which `interrupted` hears of first, so that it can tell the user what is waited for.
    """
    pool = ThreadPoolExecutor(most)
    futures: list[Future[R]] = []
    try:
        for thing in things:
            futures.append(pool.submit(do, thing))  # noqa: PERF401 - interrupted here, those before are known
        _until_failure(futures)
    except KeyboardInterrupt:
        interrupted()
        raise
    finally:
        _end(pool, futures)
    return [future.result() for future in futures]


def _until_failure(futures: Sequence[Future[Any]]) -> None:
    """Until all have ended, or one has failed, which is raised."""
    left = set(futures)
    while left:
        ended, left = wait(left, timeout=SPELL, return_when=FIRST_EXCEPTION)
        for future in futures:
            if future in ended:
                future.result()


def _end(pool: ThreadPoolExecutor, futures: Sequence[Future[Any]]) -> None:
    """Begin nothing further, and wait for what is under way."""
    pool.shutdown(wait=False, cancel_futures=True)
    begun = [future for future in futures if not future.cancelled()]
    while wait(begun, timeout=SPELL).not_done:
        continue
