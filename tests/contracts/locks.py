"""The laws of core.books.Locks.  A subclass gives the fixture `ledger`."""

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import pytest

from tests.contracts.queue import at
from toolkit.core.clock import iso
from toolkit.core.ports import Ledger
from toolkit.core.run import RunId
from toolkit.core.work import Grip, Lock, LockAnswer

A, B, C = RunId("dev-0000000a"), RunId("dev-0000000b"), RunId("ops-0000000c")
X, Y, Z = "github://acme/x", "file:///srv/y z?ü=%2F", "https://example.com/z#1"
HELD, TAKEN, UNKNOWN = LockAnswer.HELD, LockAnswer.TAKEN, LockAnswer.UNKNOWN
TOO_MANY = LockAnswer.TOO_MANY
DEADLOCK, ONE_ONLY, FREED = LockAnswer.DEADLOCK, LockAnswer.ONE_ONLY, LockAnswer.FREED


def asks(ledger: Ledger, holder: RunId, key: str, *, after: float = 0, **limits: Any) -> Grip:
    """Acquire it, for ten seconds."""
    return ledger.locks.acquire(key, holder, seconds=10, moment=at(after), **limits)


def has(ledger: Ledger, holder: RunId | None = None, *, after: float = 0) -> list[str]:
    return [lock.key for lock in ledger.locks.held(holder, moment=at(after))]


class LocksContract:
    """One resource, one run."""

    def test_a_free_resource_is_had(self, ledger: Ledger) -> None:
        """By whoever asks first, until its time is over."""
        lock = Lock(key=X, holder=A, since=iso(at(0)), expires=iso(at(10)))
        assert asks(ledger, A, X) == Grip(answer=HELD, lock=lock)
        assert list(ledger.locks.held(moment=at(9.999))) == [lock]

    def test_a_resource_that_is_had_is_taken(self, ledger: Ledger) -> None:
        """The refused one is told who has it since when; nothing changes for the other."""
        held = asks(ledger, A, X).lock
        assert asks(ledger, B, X, after=5) == Grip(answer=TAKEN, lock=held)
        assert has(ledger, B) == []
        assert has(ledger, A, after=10) == []

    def test_asking_again_holds_longer(self, ledger: Ledger) -> None:
        """It is the holder's still, since the same time."""
        asks(ledger, A, X)
        again = asks(ledger, A, X, after=5)
        lock = Lock(key=X, holder=A, since=iso(at(0)), expires=iso(at(15)))
        assert again == Grip(answer=HELD, lock=lock)

    def test_an_expired_lock_is_nobodys(self, ledger: Ledger) -> None:
        """At its very time; it can be had, and the old holder has lost it for all purposes."""
        asks(ledger, A, X)
        assert ledger.locks.heartbeat(X, A, seconds=10, moment=at(10)).answer is UNKNOWN
        assert ledger.locks.release(X, A, moment=at(10)).answer is UNKNOWN
        assert asks(ledger, B, X, after=10).answer is HELD
        assert ledger.locks.heartbeat(X, A, seconds=10, moment=at(11)).answer is TAKEN
        assert ledger.locks.release_all(A) == 0
        assert has(ledger, after=11) == [X]

    def test_an_expired_lock_is_had_anew_by_its_holder(self, ledger: Ledger) -> None:
        """It did not have it in between."""
        asks(ledger, A, X)
        lock = asks(ledger, A, X, after=60).lock
        assert lock == Lock(key=X, holder=A, since=iso(at(60)), expires=iso(at(70)))

    def test_of_many_who_ask_one_gets_it(self, ledger: Ledger) -> None:
        """However many ask at once."""
        runs = [RunId(f"dev-{n:08x}") for n in range(8)]
        with ThreadPoolExecutor(8) as pool:
            answers = [grip.answer for grip in pool.map(lambda run: asks(ledger, run, X), runs)]
        assert sorted(answers) == [HELD] + [TAKEN] * 7

    # giving back

    def test_a_freed_resource_can_be_had(self, ledger: Ledger) -> None:
        """And is unknown until somebody has it."""
        asks(ledger, A, X)
        assert ledger.locks.release(X, A, moment=at(1)).answer is FREED
        assert ledger.locks.release(X, A, moment=at(1)) == Grip(answer=UNKNOWN)
        assert asks(ledger, B, X, after=1).answer is HELD

    def test_nobody_frees_or_prolongs_what_another_has(self, ledger: Ledger) -> None:
        """They are told who has it."""
        lock = asks(ledger, A, X).lock
        assert ledger.locks.release(X, B, moment=at(1)) == Grip(answer=TAKEN, lock=lock)
        refused = ledger.locks.heartbeat(X, B, seconds=99, moment=at(1))
        assert refused == Grip(answer=TAKEN, lock=lock)
        assert has(ledger, after=10) == []

    def test_a_heartbeat_holds_longer(self, ledger: Ledger) -> None:
        """From now on; of what nobody has, it makes nothing."""
        asks(ledger, A, X)
        beat = ledger.locks.heartbeat(X, A, seconds=30, moment=at(5))
        lock = Lock(key=X, holder=A, since=iso(at(0)), expires=iso(at(35)))
        assert beat == Grip(answer=HELD, lock=lock)
        assert ledger.locks.heartbeat(Y, A, seconds=30, moment=at(5)) == Grip(answer=UNKNOWN)
        assert has(ledger, after=34) == [X]

    def test_everything_is_freed_when_a_run_ends(self, ledger: Ledger) -> None:
        """However many it had; others keep theirs, and the second time there is nothing."""
        for key in (X, Y):
            asks(ledger, A, key)
        asks(ledger, B, Z)
        assert ledger.locks.release_all(A) == 2
        assert ledger.locks.release_all(A) == 0
        assert has(ledger) == [Z]

    # looking

    def test_locks_are_listed_by_key(self, ledger: Ledger) -> None:
        """All, or those of one holder; none that has expired."""
        asks(ledger, A, Z)
        asks(ledger, B, Y, after=5)
        asks(ledger, A, X, after=5)
        assert has(ledger, after=5) == sorted([X, Y, Z])
        assert has(ledger, A, after=5) == sorted([X, Z])
        assert has(ledger, after=12) == sorted([X, Y])

    @pytest.mark.parametrize("key", ["u:" + "ü" * 900, "u:a/b", "u:%", "u:#\t", "u:__x__", "u:."])
    def test_any_uri_can_be_locked(self, ledger: Ledger, key: str) -> None:
        """However long it is and whatever is in it."""
        assert asks(ledger, A, key).answer is HELD
        assert asks(ledger, B, key + "x").answer is HELD
        assert asks(ledger, B, key).answer is TAKEN
        assert has(ledger, A) == [key]
        assert ledger.locks.release(key, A, moment=at(1)).answer is FREED

    # one at a time

    def test_who_may_hold_one_gets_no_second(self, ledger: Ledger) -> None:
        """It is told which it has; asking for that one again is no second."""
        first = asks(ledger, A, X, single=True).lock
        assert asks(ledger, A, Y, single=True) == Grip(answer=ONE_ONLY, lock=first)
        assert asks(ledger, A, X, single=True).answer is HELD
        assert has(ledger) == [X]

    def test_who_gave_it_back_or_let_it_expire_may_have_another(self, ledger: Ledger) -> None:
        """What was taken over by another counts for nothing either."""
        asks(ledger, A, X, single=True)
        ledger.locks.release(X, A, moment=at(1))
        assert asks(ledger, A, Y, after=1, single=True).answer is HELD
        assert asks(ledger, A, Z, after=20, single=True).answer is HELD
        asks(ledger, B, Z, after=40)
        assert asks(ledger, A, X, after=40, single=True).answer is HELD

    def test_of_many_that_one_run_asks_for_it_gets_one(self, ledger: Ledger) -> None:
        """Its processes ask at the same time."""
        with ThreadPoolExecutor(4) as pool:
            grips = pool.map(lambda n: asks(ledger, A, f"u:{n}", single=True), range(4))
        assert sorted(grip.answer for grip in grips) == [HELD] + [ONE_ONLY] * 3

    def test_who_holds_as_many_as_it_may_gets_no_more(self, ledger: Ledger) -> None:
        """Those that it has already it may keep; what it gave back, let expire or lost makes room."""
        for key in (X, Y):
            assert asks(ledger, A, key, most=2).answer is HELD
        assert asks(ledger, A, Z, after=1, most=2) == Grip(answer=TOO_MANY)
        assert asks(ledger, A, X, after=2, most=2).answer is HELD
        assert has(ledger, A, after=2) == sorted([X, Y])
        assert asks(ledger, A, Z, after=11, most=2).answer is HELD
        assert has(ledger, A, after=11) == sorted([X, Z])
        ledger.locks.release(X, A, moment=at(11))
        assert asks(ledger, A, Y, after=11, most=2).answer is HELD

    # deadlock

    def test_two_that_want_each_others_are_told_so(self, ledger: Ledger) -> None:
        """The second to ask closes the circle; the path goes from itself to itself."""
        asks(ledger, A, X)
        held = asks(ledger, B, Y).lock
        assert asks(ledger, B, X).answer is TAKEN
        assert asks(ledger, A, Y) == Grip(answer=DEADLOCK, lock=held, cycle=(A, Y, B, X, A))

    def test_a_circle_is_found_through_others(self, ledger: Ledger) -> None:
        """However long."""
        for run, key in ((A, X), (B, Y), (C, Z)):
            asks(ledger, run, key)
        assert asks(ledger, A, Y).answer is TAKEN
        assert asks(ledger, B, Z).answer is TAKEN
        grip = asks(ledger, C, X)
        assert (grip.answer, grip.cycle) == (DEADLOCK, (C, X, A, Y, B, Z, C))

    def test_a_chain_is_no_circle(self, ledger: Ledger) -> None:
        """Who waits for one that waits for a third may wait."""
        asks(ledger, B, Y)
        asks(ledger, C, Z)
        assert asks(ledger, B, Z).answer is TAKEN
        assert asks(ledger, A, Y) == Grip(answer=TAKEN, lock=ledger.locks.held(B, moment=at(0))[0])

    def test_a_circle_of_others_does_not_hold_up_who_asks(self, ledger: Ledger) -> None:
        """It is theirs; the answer is as for any lock that is taken."""
        asks(ledger, A, X)
        asks(ledger, B, Y)
        asks(ledger, A, Y)
        assert asks(ledger, B, X).answer is DEADLOCK
        assert asks(ledger, C, X).answer is TAKEN

    @pytest.mark.parametrize("change", ["gets", "gives back", "ends", "waits too long"])
    def test_a_wish_is_forgotten(self, ledger: Ledger, change: str) -> None:
        """With it goes the circle: the holder got something, gave everything back, ended, or asked long ago."""
        asks(ledger, A, X)
        asks(ledger, B, Y)
        asks(ledger, B, X)
        {
            "gets": lambda: asks(ledger, B, Z),
            "gives back": lambda: (
                ledger.locks.release(Y, B, moment=at(0)),
                asks(ledger, C, Y),
            ),
            "ends": lambda: (ledger.locks.release_all(B), asks(ledger, B, Y)),
            "waits too long": lambda: ledger.locks.heartbeat(Y, B, seconds=90, moment=at(9)),
        }[change]()
        assert asks(ledger, A, Y, after=11 if change == "waits too long" else 0).answer is TAKEN

    def test_what_waits_for_a_free_lock_waits_for_nobody(self, ledger: Ledger) -> None:
        """The holder of what was wanted gave it back, or its time is over."""
        asks(ledger, A, X)
        asks(ledger, B, Y)
        asks(ledger, B, X)
        ledger.locks.release(X, A, moment=at(1))
        assert asks(ledger, A, Y, after=1).answer is TAKEN

    def test_two_who_ask_at_once_do_not_both_wait(self, ledger: Ledger) -> None:
        """Each holds what the other wants: at least one is told."""
        asks(ledger, A, X)
        asks(ledger, B, Y)
        with ThreadPoolExecutor(2) as pool:
            grips = pool.map(lambda pair: asks(ledger, *pair), ((A, Y), (B, X)))
        assert DEADLOCK in [grip.answer for grip in grips]

    def test_the_path_of_a_circle_names_who_holds_and_who_wants(self, ledger: Ledger) -> None:
        """Holder, key, holder, key: each key is held by the one after it."""
        asks(ledger, A, X)
        asks(ledger, B, Y)
        asks(ledger, B, X)
        cycle = asks(ledger, A, Y).cycle
        holders = {lock.key: str(lock.holder) for lock in ledger.locks.held(moment=at(0))}
        assert [holders[key] for key in cycle[1::2]] == list(cycle[2::2])
        assert len(list(pairwise(cycle))) == 4
