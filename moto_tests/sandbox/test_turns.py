"""Requests to a function's URL take turns."""

import threading
import time

from toolkit.sandbox.turns import Turns


def test_who_waits_too_long_is_told_so() -> None:
    """And whoever comes when there is room again has it."""
    turns = Turns(most=1, waiting=0.05)
    with turns.one() as first, turns.one() as second:
        assert (first, second) == (True, False)
    with turns.one() as third:
        assert third


def test_who_waits_gets_the_turn_that_is_given_back() -> None:
    """Late is better than not at all."""
    turns, got = Turns(most=1, waiting=30), list[bool]()

    def wait() -> None:
        with turns.one() as mine:
            got.append(mine)

    waiting = threading.Thread(target=wait)
    with turns.one():
        waiting.start()
        time.sleep(0.05)  # it waits by now, or comes later: it gets its turn all the same
    waiting.join(30)
    assert got == [True]
