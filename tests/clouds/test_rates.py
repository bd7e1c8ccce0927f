"""Quotas kept by waiting, on a clock that only sleeping moves."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from toolkit.clouds.rates import Rate


class Clock:
    """Time in seconds; `slept` is every wait."""

    def __init__(self) -> None:
        self.time = 1000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


def taken(rate: Rate, clock: Clock, calls: int) -> Iterator[float]:
    """When each of so many calls was made."""
    for _ in range(calls):
        rate.take()
        yield clock.time


def test_what_fits_into_the_quota_is_not_delayed(clock: Clock) -> None:
    """Nobody waits without need."""
    rate = Rate(15, 1.0, clock=clock, sleep=clock.sleep)
    rate.take(15)
    assert clock.slept == []


@pytest.mark.parametrize(("limit", "per"), [(1, 60.0), (15, 1.0), (600, 60.0)])
def test_no_window_holds_more_than_the_quota(clock: Clock, limit: int, per: float) -> None:
    """Wherever the window begins: a service may count by its own clock
    (https://cloud.google.com/docs/quotas/overview#rate_quotas)."""
    times = list(taken(Rate(limit, per, clock=clock, sleep=clock.sleep), clock, limit * 4))
    assert min(b - a for a, b in zip(times, times[limit:], strict=False)) >= per
    assert times[-1] - times[0] == pytest.approx(3 * per)


def test_a_wait_of_more_than_a_second_is_told(clock: Clock) -> None:
    """Shorter ones are nobody's concern."""
    told: list[float] = []
    rate = Rate(2, 10.0, clock=clock, sleep=clock.sleep)
    rate.take(2, waiting=told.append)
    clock.time += 9.5
    rate.take(waiting=told.append)
    rate.take(waiting=told.append)
    rate.take(waiting=told.append)
    assert told == [10.0]


def test_calls_that_are_taken_together_wait_for_the_last(clock: Clock) -> None:
    """What is counted ahead has its place when it comes."""
    rate = Rate(600, 60.0, clock=clock, sleep=clock.sleep)
    rate.take(599)
    rate.take(3)
    assert clock.slept == [60.0]


def test_threads_share_one_quota() -> None:
    """Each gets its own turn, and all of them together keep to it."""
    waits: list[float] = []
    lock = threading.Lock()

    def sleep(seconds: float) -> None:
        with lock:
            waits.append(seconds)

    rate = Rate(10, 60.0, clock=lambda: 0.0, sleep=sleep)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: rate.take(), range(40)))
    assert sorted(waits) == [60.0] * 10 + [120.0] * 10 + [180.0] * 10
