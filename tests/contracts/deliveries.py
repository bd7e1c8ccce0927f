"""The laws of core.books.Deliveries, and of what every ledger forgets.  A subclass gives the fixture `ledger`."""

import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.contracts.calls import a_call
from tests.contracts.ledger import a_run
from tests.contracts.queue import an_item, at, put, waits
from toolkit.core.clock import iso
from toolkit.core.errors import AlreadyExists, RunTaken
from toolkit.core.ports import Ledger
from toolkit.core.run import Mailbox, Run, RunState
from toolkit.core.work import (
    Accepted,
    Added,
    CallState,
    DeadReason,
    Delivery,
    DeliveryState,
    Page,
    Rooms,
    WorkItem,
)

DEAD = DeliveryState.DEAD
UNVERIFIED = {"state": DEAD, "reason": DeadReason.UNVERIFIED}


def a_delivery(number: int = 1, *, after: float = 0.0, **fields: Any) -> Delivery:
    """Delivery number so-and-so of `github`, received `after` seconds past noon."""
    known: dict[str, Any] = {
        "id": f"receipt-{number}",
        "source": "github",
        "received": iso(at(after)),
        "delivery": f"number-{number}",
    }
    return Delivery(**known | fields)


def some_work(*agents: str, most: int = 9, **trigger: Any) -> list[tuple[Run, WorkItem, int]]:
    """A new run for each."""
    runs = [a_run(agent, after=n) for n, agent in enumerate(agents)]
    return [(run, an_item(run, **trigger), most) for run in runs]


class DeliveriesContract:
    """What was answered with a receipt is there, once."""

    def test_a_delivery_comes_back_whole(self, ledger: Ledger) -> None:
        """Also a body that is no text; one that never came is none."""
        delivery = a_delivery(
            summary="push »x«",
            headers={"x-github-event": "push", "ü": ""},
            body=bytes(range(256)) * 4,
            matched=2,
            replay_of="receipt-0",
        )
        assert ledger.deliveries.accept(delivery, []) == Accepted(receipt="receipt-1")
        assert ledger.deliveries.get("receipt-1") == delivery
        assert ledger.deliveries.get("receipt-2") is None

    def test_its_work_is_queued(self, ledger: Ledger) -> None:
        """With its runs, and told in their order."""
        work = some_work("dev", "ops", delivery="receipt-1")
        accepted = ledger.deliveries.accept(a_delivery(matched=2), work)
        assert list(accepted.added) == [Added(run=run.id) for run, _, _ in work]
        assert list(ledger.queue.waiting()) == [item for _, item, _ in work]
        assert [ledger.get(run.id) for run, _, _ in work] == [run for run, _, _ in work]

    def test_work_with_the_id_of_another_run_is_not_taken_for_that_run(
        self, ledger: Ledger
    ) -> None:
        """Ids are short: work that is answered for and never done would be lost, so nothing is kept but the refusal."""
        work = some_work("dev")
        ledger.deliveries.accept(a_delivery(1), work)
        ledger.queue.done(work[0][0].id)
        with pytest.raises(RunTaken):
            ledger.deliveries.accept(a_delivery(2), [*some_work("ops"), *work])
        assert ledger.deliveries.get("receipt-2") is None
        assert ledger.deliveries.seen("github", "number-2") is None
        assert list(ledger.queue.waiting()) == []

    def test_its_work_makes_the_oldest_go(self, ledger: Ledger) -> None:
        """Where as many wait already as may, as for any other work."""
        old = put(ledger, after=-5)
        ((run, item, _),) = some_work("dev")
        accepted = ledger.deliveries.accept(a_delivery(), [(run, item, 1)])
        assert list(accepted.added) == [Added(run=run.id, dropped=(old.run,))]
        assert waits(ledger) == [run.id]

    def test_what_came_before_is_a_duplicate(self, ledger: Ledger) -> None:
        """It changes nothing, and is told the receipt of the first."""
        ledger.deliveries.accept(a_delivery(1), some_work("dev"))
        again = a_delivery(2, delivery="number-1", body=b"other")
        told = ledger.deliveries.accept(again, some_work("dev"))
        assert told == Accepted(receipt="receipt-2", duplicate_of="receipt-1")
        assert ledger.deliveries.get("receipt-2") is None
        assert len(waits(ledger)) == 1
        assert ledger.deliveries.list().total == 1

    def test_of_many_that_come_at_once_one_is_kept(self, ledger: Ledger) -> None:
        """A sender that is impatient; all are told the same receipt."""

        def accept(number: int) -> str:
            delivery = a_delivery(number, delivery="same")
            told = ledger.deliveries.accept(delivery, some_work("dev"))
            return told.duplicate_of or told.receipt

        with ThreadPoolExecutor(6) as pool:
            receipts = set(pool.map(accept, range(6)))
        assert receipts == {ledger.deliveries.seen("github", "same")}
        assert len(waits(ledger)) == 1

    def test_however_many_come_at_once_none_is_lost(self, ledger: Ledger) -> None:
        """Each with its work."""

        def accept(number: int) -> Accepted:
            return ledger.deliveries.accept(a_delivery(number), some_work("dev", most=50))

        with ThreadPoolExecutor(8) as pool:
            accepted = list(pool.map(accept, range(16)))
        assert len(waits(ledger)) == 16
        assert {row.id for row in ledger.deliveries.list().rows} == {a.receipt for a in accepted}

    def test_the_same_number_of_another_source_is_another(self, ledger: Ledger) -> None:
        """And those without a number are all different."""
        numbers = [
            a_delivery(1, delivery="7"),
            a_delivery(2, delivery="7", source="linear"),
            a_delivery(3, delivery=None),
            a_delivery(4, delivery=None),
        ]
        told = [ledger.deliveries.accept(delivery, []) for delivery in numbers]
        assert [t.duplicate_of for t in told] == [None] * 4

    def test_an_unverified_delivery_does_not_occupy_its_number(self, ledger: Ledger) -> None:
        """Or a stranger could keep the true one away."""
        ledger.deliveries.accept(a_delivery(1, delivery="7", **UNVERIFIED), [])
        assert ledger.deliveries.seen("github", "7") is None
        told = ledger.deliveries.accept(a_delivery(2, delivery="7"), some_work("dev"))
        assert told.duplicate_of is None
        assert ledger.deliveries.seen("github", "7") == "receipt-2"

    @pytest.mark.parametrize("reason", [DeadReason.UNREADABLE, DeadReason.UNWANTED])
    def test_a_verified_dead_letter_is_known(self, ledger: Ledger, reason: DeadReason) -> None:
        """It was the sender's, though nobody wanted it."""
        dead = a_delivery(1, state=DEAD, reason=reason)
        ledger.deliveries.accept(dead, [])
        assert ledger.deliveries.seen("github", "number-1") == "receipt-1"
        assert ledger.deliveries.get("receipt-1") == dead

    @pytest.mark.parametrize("number", ["a/b", "ü" * 700, ".", "__x__", " ", "\n"])
    def test_any_number_is_known_again(self, ledger: Ledger, number: str) -> None:
        """The sender makes them."""
        ledger.deliveries.accept(a_delivery(1, delivery=number), [])
        assert ledger.deliveries.seen("github", number) == "receipt-1"
        assert ledger.deliveries.seen("github", number + "x") is None

    def test_a_receipt_is_given_once(self, ledger: Ledger) -> None:
        """The second with its id is refused, and the first stays."""
        ledger.deliveries.accept(a_delivery(1), [])
        with pytest.raises(AlreadyExists):
            ledger.deliveries.accept(a_delivery(1, delivery="other"), some_work("dev"))
        with pytest.raises(AlreadyExists):
            ledger.deliveries.accept(a_delivery(1, **UNVERIFIED), [])
        assert ledger.deliveries.get("receipt-1") == a_delivery(1)
        assert waits(ledger) == []

    def test_a_body_is_kept_up_to_256_kib(self, ledger: Ledger) -> None:
        """The most that a service may answer us with does not fit into every database; what is kept is the beginning."""
        body = os.urandom(262_144)
        ledger.deliveries.accept(a_delivery(1, body=body + b"more"), [])
        found = ledger.deliveries.get("receipt-1")
        assert found is not None
        assert found.body == body

    def test_deliveries_are_listed_newest_first_without_bodies(self, ledger: Ledger) -> None:
        """A page at a time, and how many there are."""
        for number in range(5):
            ledger.deliveries.accept(a_delivery(number, after=number, body=b"x"), [])
        page = ledger.deliveries.list(limit=2, offset=1)
        rows = (a_delivery(3, after=3), a_delivery(2, after=2))
        assert page == Page(rows=rows, total=5)
        assert ledger.deliveries.list(offset=5) == Page(rows=(), total=5)

    def test_deliveries_are_listed_by_state(self, ledger: Ledger) -> None:
        """Dead letters apart from the others; the total is theirs."""
        for number in range(3):
            ledger.deliveries.accept(a_delivery(number, after=number), [])
        dead = a_delivery(9, after=9, **UNVERIFIED)
        ledger.deliveries.accept(dead, [])
        assert ledger.deliveries.list(state=DEAD) == Page(rows=(dead,), total=1)
        processed = ledger.deliveries.list(state=DeliveryState.PROCESSED, limit=1)
        assert processed == Page(rows=(a_delivery(2, after=2),), total=3)


class PruneContract:
    """What is over is forgotten in time."""

    def test_what_is_older_is_forgotten(self, ledger: Ledger) -> None:
        """Runs with their mailboxes, calls, deliveries with their bodies and numbers; it says how many."""
        run, call = a_run(state=RunState.SUCCEEDED), a_call(1, state=CallState.COMPLETED)
        ledger.add(run)
        ledger.request_stop(run.id)
        ledger.calls.add(call)
        ledger.deliveries.accept(a_delivery(1, body=b"x"), [])
        assert ledger.prune(at(3600)) == 3
        assert ledger.prune(at(3600)) == 0
        assert (ledger.get(run.id), ledger.mailbox(run.id)) == (None, Mailbox())
        assert list(ledger.runs()) == list(ledger.runs(agent="dev")) == []
        assert ledger.calls.get(call.id) is ledger.calls.of_run(call.run) is None
        assert list(ledger.calls.of_caller(call.caller)) == list(ledger.calls.recent()) == []
        assert (
            ledger.deliveries.get("receipt-1")
            is ledger.deliveries.seen("github", "number-1")
            is None
        )
        assert ledger.deliveries.list() == Page(rows=(), total=0)

    def test_a_delivery_whose_work_waits_or_goes_on_stays(self, ledger: Ledger) -> None:
        """However old: its receipt is asked for.  Once its work is done it goes."""
        work = some_work("dev", "ops", delivery="receipt-1")
        ledger.deliveries.accept(a_delivery(1), work)
        runs = [run.id for run, _, _ in work]
        assert ledger.prune(at(3600)) == 0
        ledger.queue.done(runs[0])
        ledger.queue.take("me", Rooms(agents={"ops": 1}), seconds=9, moment=at(9))
        ledger.queue.started(runs[1], "me")
        assert ledger.prune(at(3600)) == 0
        assert ledger.deliveries.get("receipt-1") == a_delivery(1)
        ledger.queue.done(runs[1])
        assert ledger.prune(at(3600)) == 1
        assert ledger.deliveries.get("receipt-1") is None

    def test_what_is_younger_stays(self, ledger: Ledger) -> None:
        """To the moment."""
        run = a_run(after=60, state=RunState.LOST, finished=iso(at(60)))
        call = a_call(1, after=60, state=CallState.ERROR, finished=iso(at(60)))
        ledger.add(run)
        ledger.calls.add(call)
        ledger.deliveries.accept(a_delivery(1, after=60), [])
        assert ledger.prune(at(60)) == 0
        assert ledger.get(run.id) == run
        assert ledger.calls.get(call.id) == call
        assert ledger.deliveries.get("receipt-1") == a_delivery(1, after=60)

    def test_what_ended_lately_stays(self, ledger: Ledger) -> None:
        """However long it took: it is as old as its end."""
        run = a_run(state=RunState.SUCCEEDED, finished=iso(at(3600)))
        ledger.add(run)
        ledger.calls.add(a_call(1, state=CallState.COMPLETED, finished=iso(at(3600))))
        assert ledger.prune(at(3600)) == 0
        assert ledger.get(run.id) == run
        assert ledger.calls.get("call-1") is not None
        assert ledger.prune(at(3601)) == 2

    def test_what_is_not_over_stays(self, ledger: Ledger) -> None:
        """However old: runs, their work, calls, locks that are held, and facts."""
        queued = put(ledger).run
        ledger.calls.add(a_call(1))
        ledger.locks.acquire("u:x", queued, seconds=1e6, moment=at(0))
        ledger.set_fact("applied", 1)
        assert ledger.prune(at(3600)) == 0
        assert waits(ledger) == [queued]
        assert ledger.get(queued) is not None
        assert ledger.calls.get("call-1") == a_call(1)
        assert len(ledger.locks.held(moment=at(3600))) == 1
        assert ledger.fact("applied") == 1
