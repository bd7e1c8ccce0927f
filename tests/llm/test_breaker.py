"""Models that have refused are left alone for a while."""

from toolkit.llm.breaker import COOLDOWN, Breaker


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_refusal_counts_for_a_minute() -> None:
    clock = Clock()
    breaker = Breaker(clock=clock)
    breaker.trip(0)
    assert breaker.allowed(range(2)) == [1]
    clock.now = COOLDOWN
    assert breaker.allowed(range(2)) == [0, 1]


def test_a_model_that_asks_for_more_time_gets_it() -> None:
    clock = Clock()
    breaker = Breaker(clock=clock)
    breaker.trip(0, 3600)
    breaker.trip(1, 1)
    clock.now = COOLDOWN
    assert breaker.allowed(range(2)) == [1]


def test_when_none_is_left_all_may_be_asked() -> None:
    breaker = Breaker(clock=Clock())
    breaker.trip(0)
    breaker.trip(1)
    assert list(breaker.allowed(range(2))) == [0, 1]
