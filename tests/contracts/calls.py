"""The laws of core.books.Calls.  A subclass gives the fixture `ledger`."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from tests.contracts.queue import at
from toolkit.core.agent import AgentName
from toolkit.core.clock import iso
from toolkit.core.errors import AlreadyExists, NotFound
from toolkit.core.ports import Ledger
from toolkit.core.run import RunId
from toolkit.core.work import Call, CallState

CALLER, OTHER = RunId("dev-0000000a"), RunId("dev-0000000b")


def a_call(number: int, *, after: float = 0.0, **fields: Any) -> Call:
    """Call number so-and-so, asked `after` seconds past noon."""
    known: dict[str, Any] = {
        "id": f"call-{number}",
        "caller": CALLER,
        "target": AgentName("ops"),
        "run": RunId(f"ops-{number:08x}"),
        "context": f"question {number}",
        "depth": 1,
        "created": iso(at(after)),
    }
    return Call(**known | fields)


class CallsContract:
    """What was asked is answered once."""

    def test_a_call_comes_back_whole(self, ledger: Ledger) -> None:
        """Every field of it; one that nobody made is none."""
        call = a_call(
            1,
            state=CallState.ERROR,
            return_value="»\n",
            error="no",
            finished=iso(at(9)),
            context="",
            depth=3,
        )
        ledger.calls.add(call)
        assert ledger.calls.get("call-1") == call
        assert ledger.calls.get("call-2") is None

    def test_a_call_is_made_once(self, ledger: Ledger) -> None:
        """The second with its id is refused, and the first stays."""
        ledger.calls.add(a_call(1))
        with pytest.raises(AlreadyExists):
            ledger.calls.add(a_call(1, context="other"))
        assert ledger.calls.get("call-1") == a_call(1)

    def test_an_update_sets_what_it_names(self, ledger: Ledger) -> None:
        """The answer is the call as it is from now on."""
        ledger.calls.add(a_call(1))
        running = replace(a_call(1), state=CallState.RUNNING)
        assert ledger.calls.update("call-1", state=CallState.RUNNING) == running
        assert ledger.calls.get("call-1") == running

    def test_a_long_answer_is_not_cut(self, ledger: Ledger) -> None:
        """What an agent returns is what its caller reads."""
        ledger.calls.add(a_call(1))
        ledger.calls.update("call-1", state=CallState.COMPLETED, return_value="ü" * 100_000)
        found = ledger.calls.get("call-1")
        assert found is not None
        assert found.return_value == "ü" * 100_000

    @pytest.mark.parametrize("final", [CallState.COMPLETED, CallState.ERROR])
    def test_a_final_call_stays_as_it_is(self, ledger: Ledger, final: CallState) -> None:
        """Who comes too late changes nothing, and is told what is."""
        ledger.calls.add(a_call(1))
        over = ledger.calls.update("call-1", state=final, error="caller exited")
        assert ledger.calls.update("call-1", state=CallState.RUNNING, return_value="4") == over
        assert ledger.calls.get("call-1") == over

    def test_of_many_who_end_a_call_one_does(self, ledger: Ledger) -> None:
        """Its answer, and the caller's death, at once: all are told the same."""
        ledger.calls.add(a_call(1))
        with ThreadPoolExecutor(6) as pool:
            ended = pool.map(
                lambda n: ledger.calls.update(
                    "call-1", state=CallState.COMPLETED, return_value=str(n)
                ),
                range(6),
            )
        assert len({call.return_value for call in ended}) == 1

    def test_an_unknown_call_cannot_be_updated(self, ledger: Ledger) -> None:
        """Nothing is made by accident."""
        with pytest.raises(NotFound):
            ledger.calls.update("call-1", state=CallState.RUNNING)
        assert ledger.calls.get("call-1") is None

    def test_a_callers_calls_are_its_own(self, ledger: Ledger) -> None:
        """Oldest first."""
        second, first = a_call(1, after=2), a_call(2, after=1)
        for call in (second, first, a_call(3, caller=OTHER)):
            ledger.calls.add(call)
        assert list(ledger.calls.of_caller(CALLER)) == [first, second]
        assert list(ledger.calls.of_caller(RunId("dev-00000000"))) == []

    def test_a_run_knows_the_call_that_it_works_for(self, ledger: Ledger) -> None:
        """None, when nobody called."""
        ledger.calls.add(a_call(1))
        assert ledger.calls.of_run(a_call(1).run) == a_call(1)
        assert ledger.calls.of_run(CALLER) is None

    def test_recent_calls_come_newest_first(self, ledger: Ledger) -> None:
        """The limit keeps the newest."""
        calls = [a_call(n, after=n) for n in range(4)]
        for call in calls:
            ledger.calls.add(call)
        assert list(ledger.calls.recent()) == calls[::-1]
        assert list(ledger.calls.recent(limit=2)) == [calls[3], calls[2]]

    def test_active_calls_are_those_without_an_end(self, ledger: Ledger) -> None:
        """A call leaves them with its final state."""
        for number in range(3):
            ledger.calls.add(a_call(number, after=number))
        ledger.calls.add(a_call(9, after=9, state=CallState.ERROR))
        ledger.calls.update("call-0", state=CallState.RUNNING)
        ledger.calls.update("call-1", state=CallState.COMPLETED)
        assert [call.id for call in ledger.calls.recent(active=True)] == ["call-2", "call-0"]
        assert [c.id for c in ledger.calls.recent(active=True, limit=1)] == ["call-2"]
