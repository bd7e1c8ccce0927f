"""Many followers, one look at the log service."""

import threading

from gateway.shared import MOST_KEPT, Shared, SharedLines, SharedRecords
from tests.fakes import FakeClock

from .logbook import Book, a_run, event


def test_followers_of_one_run_share_its_reading() -> None:
    """Ten followers in one moment ask the log service once, and each gets what its own cursor needs."""
    book, clock = Book(), FakeClock()
    run = book.add(a_run(), event(0, "a"), event(10, "b"))
    assert run.handle
    lines = SharedLines(book, Shared(clock=clock.monotonic))
    first = [e.message for e in lines.logs(run.handle, since=0)]
    others = [
        [e.message for e in lines.logs(run.handle, since=event(5, "").time)] for _ in range(9)
    ]
    assert (first, others, len(book.calls)) == (["a", "b"], [["b"]] * 9, 1)


def test_a_moment_later_the_log_is_read_again() -> None:
    """Sharing never makes a line late by more than the moment."""
    book, clock = Book(), FakeClock()
    run = book.add(a_run(), event(0, "a"))
    assert run.handle
    lines = SharedLines(book, Shared(clock=clock.monotonic))
    list(lines.logs(run.handle))
    book.say(run, event(1, "b"))
    clock.sleep(1)
    assert [e.message for e in lines.logs(run.handle)] == ["a", "b"]


def test_a_long_log_is_passed_on_and_not_kept() -> None:
    """Memory stays bounded: everyone who reads all of it reads it for themselves."""
    book = Book()
    run = book.add(a_run(), *(event(n, "x") for n in range(MOST_KEPT + 5)))
    assert run.handle
    lines = SharedLines(book, Shared(clock=FakeClock().monotonic))
    counts = [sum(1 for _ in lines.logs(run.handle)) for _ in range(2)]
    assert (counts, len(book.calls)) == ([MOST_KEPT + 5] * 2, 2)


def test_who_asks_while_it_is_fetched_waits_for_the_answer() -> None:
    """Threads that ask at once cause one call."""
    shared, calls, go = Shared(clock=FakeClock().monotonic), list[int](), threading.Event()

    def load() -> int:
        go.wait(10)
        calls.append(1)
        return 42

    answers = list[int]()
    ask = [
        threading.Thread(target=lambda: answers.append(shared.get("k", load, bool)))
        for _ in range(8)
    ]
    [thread.start() for thread in ask]
    go.set()
    [thread.join() for thread in ask]
    assert (answers, calls) == ([42] * 8, [1])


def test_a_failed_look_is_not_remembered() -> None:
    """The next one tries again."""
    shared = Shared()

    def fail() -> int:
        raise ZeroDivisionError

    try:
        shared.get("k", fail, bool)
    except ZeroDivisionError:
        assert shared.get("k", lambda: 7, bool) == 7


def test_the_ledger_is_shared_too() -> None:
    """What is asked at every poll of every follower is asked once."""
    book = Book()
    run = book.add(a_run())
    records = SharedRecords(book, Shared(clock=FakeClock().monotonic))
    first = records.get(run.id)
    book.records.clear()
    assert records.get(run.id) is first
    assert len(records.runs(agent="dev")) == 0
