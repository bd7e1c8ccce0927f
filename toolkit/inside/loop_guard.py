"""When a model goes round in circles: the same call with the same answer, again and again.

A call that took its time was waiting for something, as one that asks for the state of a build: that is no circle.
"""

from collections import deque

REMEMBERED = 10  # calls
WARNED, ENOUGH = 3, 5  # in a row; of those that are remembered
WAITING = 5.0  # seconds
WARNING = (
    "\n\n[You have made this very call {times} times in a row, with this very answer. It will not change: "
    "do something else, or end with al-exit 15 when you cannot go on.]"
)


class Stuck(Exception):
    """The same call ENOUGH times."""


class LoopGuard:
    """One session's calls."""

    def __init__(self) -> None:
        self._calls: deque[tuple[str, str]] = deque(maxlen=REMEMBERED)

    def seen(self, call: str, answer: str, seconds: float) -> str:
        """What to add to the answer: mostly nothing.  Raises Stuck."""
        if seconds >= WAITING:
            return ""
        this = (call, answer)
        self._calls.append(this)
        if self._calls.count(this) >= ENOUGH:
            raise Stuck(f"the same call {ENOUGH} times, with the same answer: {call[:200]}")
        times = self._in_a_row(this)
        return WARNING.format(times=times) if times >= WARNED else ""

    def _in_a_row(self, this: tuple[str, str]) -> int:
        count = 0
        for call in reversed(self._calls):
            if call != this:
                break
            count += 1
        return count
