"""The laws of turns at backends, on every ledger.  A subclass gives the fixture `ledger`."""

from concurrent.futures import ThreadPoolExecutor

from tests.contracts.queue import MANY, at, attempts, put, taken
from toolkit.core.clock import iso
from toolkit.core.ports import Ledger
from toolkit.core.run import RunId
from toolkit.llm.backend import Backend
from toolkit.scheduler import turns
from toolkit.scheduler.line import Asking, Standing, holders, waiters

GPU, CPU = Backend(id="http://127.0.0.1:8081"), Backend(id="cpu")


def run(number: int) -> RunId:
    return RunId(f"dev-{number:08x}")


def enters(ledger: Ledger, number: int, *backends: Backend, after: float = 60.0) -> Standing | None:
    """None when it has its turn."""
    asking = Asking(run=run(number), created=iso(at(number)), backends=backends or (GPU,))
    return turns.enter(ledger, asking, at(after))


class TurnsContract:
    """One session at a time, whoever asks from wherever."""

    def test_a_turn_is_kept_until_it_is_given_back(self, ledger: Ledger) -> None:
        """The next one has it then, and nothing is left when the last has gone."""
        assert enters(ledger, 1) is None
        waiting = enters(ledger, 2)
        assert waiting is not None
        assert (waiting.backend, waiting.position) == (GPU.id, 1)
        turns.leave(ledger, run(1))
        assert enters(ledger, 2) is None
        turns.leave(ledger, run(2))
        assert ledger.fact(turns.FACT) is None

    def test_of_many_who_ask_at_once_one_has_it(self, ledger: Ledger) -> None:
        """And all others know their place in the line."""
        with ThreadPoolExecutor(6) as pool:
            answers = list(pool.map(lambda n: enters(ledger, n, GPU, CPU), range(6)))
        assert sum(answer is None for answer in answers) == 1
        lines = turns.read(ledger)
        assert [len(line.held) for line in lines.values()] == [1, 1]
        assert [len(line.waiting) for line in lines.values()] == [5, 5]

    def test_several_leave_the_line_in_one_step(self, ledger: Ledger) -> None:
        """Whoever has a place keeps it; who is only silent keeps nobody back, and stands where it stood."""
        for number in range(4):
            enters(ledger, number)
        turns.silence(ledger, run(0), run(1))
        last = enters(ledger, 3)
        assert last is not None
        assert last.position == 2
        turns.call_off(ledger, run(0), run(2), run(3))
        lines = turns.read(ledger)
        assert (list(holders(lines)), list(waiters(lines))) == ([run(0)], [run(1)])

    def test_what_is_kept_survives_whoever_wrote_it(self, ledger: Ledger) -> None:
        """Times, limits and signs of life are read as they were written."""
        enters(ledger, 1, Backend(id="gpu", limit=2))
        turns.beat(ledger, [run(1)], at(600))
        place = holders(turns.read(ledger))[run(1)]
        assert (place.limit, place.since, place.beat) == (2, iso(at(60)), iso(at(600)))

    def test_work_that_was_not_tried_has_had_no_attempt(self, ledger: Ledger) -> None:
        """It was only taken to be told that its backend is busy."""
        first = put(ledger).run
        assert taken(ledger, MANY) == first
        assert ledger.queue.give_back(first, "me", not_before=at(60), tried=False) is True
        assert attempts(ledger, first) == 0
        assert taken(ledger, MANY) == first
        assert ledger.queue.give_back(first, "me", not_before=at(60)) is True
        assert attempts(ledger, first) == 1
