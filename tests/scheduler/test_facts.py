"""A fact that several change at once: nobody's change is lost, and nobody tries for ever."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.fakes import FakeClock, MemoryLedger
from toolkit.core.errors import Conflict
from toolkit.scheduler.facts import LONGEST, PATIENCE, changed


class Crossing(MemoryLedger):
    """Somebody else writes before us, the first `times` that we try."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.times, self.writes = times, 0

    def set_fact(self, key: str, value: Any, **more: Any) -> bool:
        self.writes += 1
        if self.times > 0:
            self.times -= 1
            super().set_fact(key, {"others": self.times})
        return super().set_fact(key, value, **more)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(datetime(2026, 11, 21, tzinfo=UTC))


def counted(ledger: MemoryLedger, clock: FakeClock) -> Any:
    """One more, after pauses that cost no time."""
    count = lambda old: {**(old or {}), "mine": 1}  # noqa: E731
    return changed(ledger, "k", count, sleep=clock.sleep, clock=lambda: clock().timestamp())


def test_a_change_is_made_of_what_others_wrote_meanwhile(clock: FakeClock) -> None:
    """It looks again, and nothing of theirs is lost."""
    ledger = Crossing(times=3)
    assert counted(ledger, clock) == {"others": 0, "mine": 1}
    assert ledger.fact("k") == {"others": 0, "mine": 1}


def test_between_two_attempts_there_is_a_pause(clock: FakeClock) -> None:
    """Two who cross each other do not keep a processor, or a table, busy with that."""
    began = clock()
    counted(Crossing(times=3), clock)
    assert clock() > began


def test_a_fact_that_others_change_without_end_is_an_error(clock: FakeClock) -> None:
    """After half a minute, with what to do; it was not tried thousands of times."""
    ledger, began = Crossing(times=1_000_000), clock()
    with pytest.raises(Conflict, match="again and again"):
        counted(ledger, clock)
    assert PATIENCE - LONGEST <= (clock() - began).total_seconds() <= PATIENCE
    assert ledger.writes < 100


def test_what_stays_the_same_is_not_written(clock: FakeClock) -> None:
    """A look costs no write."""
    ledger = Crossing(times=0)
    counted(ledger, clock)
    counted(ledger, clock)
    assert ledger.writes == 1
