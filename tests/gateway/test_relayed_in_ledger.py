"""Relayed lines where each request may meet another process: kept in the ledger, and only for who waits for them."""

import json
from typing import Any

from gateway.relayed_in_ledger import FACT, LEFT, ROOM, WATCHED, RelayedInLedger
from tests.fakes import FakeClock, MemoryLedger
from toolkit.core.errors import Throttled
from toolkit.core.run import RunId

RUN = RunId("dev-00000001")


class Office:
    """One ledger, and as many processes as are asked for."""

    def __init__(self) -> None:
        self.ledger, self.clock = MemoryLedger(), FakeClock()

    def process(self) -> RelayedInLedger:
        return RelayedInLedger(self.ledger, clock=lambda: self.clock().timestamp())


def a_line(number: int, text: str = "x") -> dict[str, Any]:
    return {"_log": True, "msg": text, "ts": 1_700_000_000_000, "line": number}


def there(relayed: RelayedInLedger, *numbers: int) -> list[bool]:
    return [relayed.of(RUN).line(number) is not None for number in numbers]


def test_what_nobody_waits_for_is_not_written() -> None:
    """A run that prints all day costs no write."""
    office = Office()
    office.process().add(RUN, [a_line(1)])
    assert office.ledger.facts(FACT) == {}


def test_a_follower_at_another_process_gets_what_comes_from_then_on() -> None:
    """It has said that it waits; each request may be another process's."""
    office = Office()
    assert there(office.process(), 1) == [False]
    office.process().add(RUN, [a_line(1)])
    office.process().add(RUN, [a_line(2)])
    assert there(office.process(), 1, 2, 3) == [True, True, False]


def test_when_the_follower_has_gone_nothing_is_written_any_more() -> None:
    """It is believed in for a while only."""
    office = Office()
    there(office.process(), 1)
    office.clock.sleep(WATCHED + 1)
    office.process().add(RUN, [a_line(1)])
    assert office.ledger.facts(FACT)[FACT + RUN]["lines"] == []


def test_a_follower_who_stays_says_so_again() -> None:
    """Without losing what is there."""
    office = Office()
    there(office.process(), 1)
    office.process().add(RUN, [a_line(1)])
    office.clock.sleep(WATCHED - 5)
    there(office.process(), 1)
    office.clock.sleep(10)
    office.process().add(RUN, [a_line(2)])
    assert there(office.process(), 1, 2) == [True, True]


def test_the_fact_stays_small() -> None:
    """The newest lines, and never less than the newest batch."""
    office = Office()
    there(office.process(), 1)
    for number in range(1, 21):
        office.process().add(RUN, [a_line(number, "x" * 1000)])
    small = len(json.dumps(office.ledger.facts(FACT)))
    office.process().add(RUN, [a_line(21, "x" * 2 * ROOM)])
    assert small < ROOM * 1.2
    assert there(office.process(), 20, 21) == [False, True]


def test_what_is_left_goes_when_another_run_is_followed() -> None:
    """Nothing piles up."""
    office = Office()
    there(office.process(), 1)
    office.clock.sleep(WATCHED + LEFT + 1)
    office.process().of(RunId("dev-00000002"))
    assert list(office.ledger.facts(FACT)) == [f"{FACT}dev-00000002"]


def test_a_ledger_that_is_busy_delays_no_follower() -> None:
    """The log service has the lines too."""
    office = Office()
    office.ledger.fact = busy  # type: ignore[method-assign]
    assert there(office.process(), 1) == [False]


def busy(key: str) -> Any:
    raise Throttled("busy", hint="wait")
