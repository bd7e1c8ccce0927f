"""The laws of core.books.Queue about who holds what.  A subclass gives the fixture `ledger`."""

from dataclasses import replace

from tests.contracts.queue import MANY, ONE_EACH, at, attempts, put, taken, waits
from toolkit.core.clock import iso
from toolkit.core.ports import Ledger
from toolkit.core.run import RunId
from toolkit.core.work import Rooms


class HoldingContract:
    """What somebody took is his until his time is over, and nothing of it is forgotten."""

    def test_a_holder_that_lets_its_time_run_out_loses_it(self, ledger: Ledger) -> None:
        """The item is due again, in its old place, and the late holder can do nothing with it any more."""
        first, _ = put(ledger, after=1).run, put(ledger, after=2)
        assert taken(ledger, by="dead", after=60) == first
        assert taken(ledger, by="new", after=89.999) is None
        assert taken(ledger, by="new", after=90) == first
        assert ledger.queue.renew(first, "dead", seconds=30, moment=at(91)) is False
        assert ledger.queue.started(first, "dead") is False
        assert ledger.queue.give_back(first, "dead", not_before=at(91)) is False
        item = ledger.queue.get(first)
        assert item is not None
        assert (item.holder, item.attempts) == ("new", 1)

    def test_an_attempt_is_one_however_many_take_it_over(self, ledger: Ledger) -> None:
        """Only what was given back is tried anew: a scheduler that dies has used up none of its run's attempts."""
        run = put(ledger).run
        assert [taken(ledger, by=who, after=n) for who, n in (("a", 0), ("b", 30), ("c", 60))] == [
            run
        ] * 3
        assert attempts(ledger, run) == 1
        ledger.queue.give_back(run, "c", not_before=at(61))
        assert taken(ledger, by="d", after=61) == run
        assert attempts(ledger, run) == 2

    def test_a_start_that_came_to_nothing_is_held_and_the_next_one_is_another_attempt(
        self, ledger: Ledger
    ) -> None:
        """It may have begun, so it keeps its place; and it is not sent for ever."""
        run = put(ledger).run
        taken(ledger, by="a", after=0)
        assert ledger.queue.renew(run, "a", seconds=15, moment=at(1), failed=True) is True
        assert taken(ledger, by="b", after=15) is None
        assert taken(ledger, by="b", after=16) == run
        assert attempts(ledger, run) == 2

    def test_what_was_let_go_and_waits_was_not_tried(self, ledger: Ledger) -> None:
        """Its agent was switched off meanwhile: when it is on again, the attempt has the same number."""
        run = put(ledger).run
        taken(ledger, by="dead", after=60)
        assert taken(ledger, Rooms(agents={"ops": 1}), after=95) is None
        assert attempts(ledger, run) == 0
        assert taken(ledger, by="new", after=96) == run
        assert attempts(ledger, run) == 1

    def test_a_late_holder_loses_no_place(self, ledger: Ledger) -> None:
        """Its run may have begun: older work, and another agent's, wait until somebody has looked after it."""
        older = put(ledger, after=1, not_before=iso(at(90))).run
        put(ledger, "ops", after=0, not_before=iso(at(90)))
        younger = put(ledger, after=2).run
        rooms = replace(ONE_EACH, total=1)
        assert taken(ledger, rooms, by="slow", after=60) == younger
        assert taken(ledger, rooms, by="new", after=90) == younger
        assert taken(ledger, rooms, by="new", after=91) is None
        assert ledger.queue.started(younger, "slow") is False
        assert ledger.queue.renew(younger, "slow", seconds=30, moment=at(91)) is False
        assert [item.run for item in ledger.queue.at_work()] == [younger]
        assert older in waits(ledger)

    def test_what_was_let_go_waits_while_its_agent_may_start_nothing(self, ledger: Ledger) -> None:
        """Somebody may want to drop it; while all is paused nothing is moved."""
        run = put(ledger).run
        assert taken(ledger, by="dead", after=60) == run
        assert taken(ledger, Rooms(agents={}), after=95) is None
        assert [item.run for item in ledger.queue.at_work()] == [run]
        assert taken(ledger, Rooms(agents={"ops": 1}), after=95) is None
        assert waits(ledger) == [run]
        assert taken(ledger, by="new", after=95) == run

    def test_a_holder_may_hold_longer(self, ledger: Ledger) -> None:
        """From the moment on at which it says so; not once its time is over."""
        run = put(ledger).run
        taken(ledger, after=60)
        assert ledger.queue.renew(run, "me", seconds=30, moment=at(80)) is True
        assert taken(ledger, by="other", after=100) is None
        assert ledger.queue.renew(run, "me", seconds=30, moment=at(110)) is False
        assert taken(ledger, by="other", after=110) == run

    def test_only_the_holder_may_renew_start_or_give_back(self, ledger: Ledger) -> None:
        """Nobody may who does not hold it, whether it waits, is held by another, or is unknown."""
        run, unknown = put(ledger).run, RunId("dev-00000000")
        assert ledger.queue.started(run, "me") is False
        taken(ledger, by="other")
        for which in (run, unknown):
            assert ledger.queue.renew(which, "me", seconds=9, moment=at(61)) is False
            assert ledger.queue.started(which, "me") is False
            assert ledger.queue.give_back(which, "me", not_before=at(61)) is False
        assert [item.holder for item in ledger.queue.at_work()] == ["other"]

    def test_started_work_keeps_its_place_until_it_is_done(self, ledger: Ledger) -> None:
        """Nobody holds it, no time runs out, and it can be neither renewed, given back nor started again."""
        run = put(ledger).run
        taken(ledger)
        assert ledger.queue.started(run, "me") is True
        item = ledger.queue.get(run)
        assert item is not None
        assert (item.started, item.holder, item.until) == (True, None, None)
        assert taken(ledger, after=100_000) is None
        assert ledger.queue.renew(run, "me", seconds=30, moment=at(61)) is False
        assert ledger.queue.give_back(run, "me", not_before=at(61)) is False
        assert ledger.queue.started(run, "me") is False
        assert ledger.queue.done(run) is True
        assert list(ledger.queue.at_work()) == []

    def test_work_that_was_given_back_waits_in_its_old_place(self, ledger: Ledger) -> None:
        """From the time on that was said; before younger work."""
        first, second = put(ledger, after=1).run, put(ledger, after=2).run
        taken(ledger)
        assert ledger.queue.give_back(first, "me", not_before=at(100)) is True
        assert waits(ledger) == [first, second]
        item = ledger.queue.get(first)
        assert item is not None
        assert (item.holder, item.until, item.attempts) == (None, None, 1)
        assert item.not_before == iso(at(100))
        assert [taken(ledger, MANY, after=100) for _ in range(2)] == [first, second]

    def test_done_takes_an_item_out_whatever_became_of_it(self, ledger: Ledger) -> None:
        """Waiting, held or started; the second time it is not there any more."""
        waiting, held = put(ledger, after=2).run, put(ledger, "ops", after=1).run
        assert taken(ledger) == held
        assert [ledger.queue.done(run) for run in (waiting, held, held)] == [True, True, False]
        assert (waits(ledger), list(ledger.queue.at_work())) == ([], [])
        assert ledger.queue.get(held) is None
