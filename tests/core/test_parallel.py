"""Several at a time: in order, no further than the first failure, and never deaf to Ctrl-C."""

import signal
import subprocess
import sys
import threading
from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.core.parallel import at_once


@given(st.lists(st.integers(), max_size=30), st.integers(1, 8))
def test_answers_come_in_the_order_of_the_things(things: list[int], most: int) -> None:
    """Whatever ends first."""
    assert at_once(lambda n: n * 2, things, most=most) == [n * 2 for n in things]


def test_so_many_are_side_by_side() -> None:
    """Each waits for the other: one by one, the barrier would break."""
    barrier = threading.Barrier(3, timeout=20)
    at_once(lambda _: barrier.wait(), range(3), most=3)


def test_after_a_failure_nothing_further_begins() -> None:
    """What is under way ends, and then the failure is raised."""
    begun: list[int] = []

    def do(number: int) -> None:
        begun.append(number)
        raise ValueError(f"no {number}")

    with pytest.raises(ValueError, match="no 0"):
        at_once(do, range(100), most=1)
    assert len(begun) < 100


def test_what_is_under_way_ends_before_the_failure_is_raised() -> None:
    """Whoever cleans up after it finds nothing still working."""
    failed, ended = threading.Event(), list[str]()

    def do(name: str) -> None:
        if name == "fails":
            failed.set()
            raise ValueError(name)
        failed.wait(20)
        ended.append(name)

    with pytest.raises(ValueError, match="fails"):
        at_once(do, ["works", "fails"], most=2)
    assert ended == ["works"]


INTERRUPTED = dedent(
    r"""
    import os, signal, sys, threading, time
    from toolkit.core.parallel import at_once

    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    told = threading.Event()

    def do(number):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        while sys._current_frames()[threading.main_thread().ident].f_code.co_name != "wait":
            time.sleep(0.01)
        say("begun")
        told.wait(60)
        say("ended")

    def say(word):
        os.write(1, f"{word}\n".encode())

    try:
        at_once(do, range(50), most=2, interrupted=lambda: (say("told"), told.set()))
    except KeyboardInterrupt:
        say("interrupted")
    """
)


def test_an_interruption_that_another_thread_gets_is_heard() -> None:
    """The system may deliver SIGINT to any thread, and its handler runs in the main one, which an endless wait keeps
    from it (https://docs.python.org/3/library/signal.html#execution-of-python-signal-handlers).  What has begun ends."""
    with subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline().strip() for _ in range(2)]
        process.send_signal(signal.SIGINT)
        rest = process.communicate(timeout=60)[0].split("\n")
    assert lines == ["begun", "begun"]
    assert rest == ["told", "ended", "ended", "interrupted", ""]
