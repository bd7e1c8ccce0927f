"""`al-wait CALLID... [--timeout SECONDS]` (`al-subagent-wait`): wait until all of these calls are over.

Prints one object with each call's answer by its id.  0 also when a call failed; 8 when the time was over first.
"""

import math
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from toolkit.core.errors import UsageError
from toolkit.inside.gateway_client import SECONDS, Answer, Gateway

from ._frame import ALONE, NO_GATEWAY, OK, guarded, show

TIMED_OUT = 8
DEFAULT_SECONDS = 900.0
HELD_SECONDS = 20.0  # how long the gateway may hold a question back until there is news
EVERY = 5.0  # between two questions, of a gateway that does not hold them back or is away
FINAL = ("completed", "error")


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """`seconds` is for all calls together."""

    gateway: Gateway
    seconds: float
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    def all(self, calls: Sequence[str]) -> tuple[dict[str, Any], int]:
        """One after the other: that takes as long as the longest of them."""
        end = self.clock() + self.seconds
        answers = {call: self._one(call, end) for call in calls}
        codes = [code for code in map(_code, answers.values()) if code != OK]
        return {call: answer.json for call, answer in answers.items()}, codes[0] if codes else OK

    def _one(self, call: str, end: float) -> Answer:
        """The call when it is over, or as it is at the end of the time."""
        while True:
            began = self.clock()
            hold = min(HELD_SECONDS, max(0.0, end - began))
            path = f"/calls/{quote(call, safe='')}?wait={hold:.1f}"
            answer = self.gateway.ask("GET", path, seconds=hold + SECONDS)
            left = end - self.clock()
            if _over(answer) or left <= 0:
                return answer
            self.sleep(min(left, max(0.0, began + EVERY - self.clock())))


def _over(answer: Answer) -> bool:
    return not answer.passing and (answer.status != 200 or _status(answer) in FINAL)


def _status(answer: Answer) -> Any:
    return answer.json.get("status") if isinstance(answer.json, dict) else None


def _code(answer: Answer) -> int:
    if _over(answer):
        return answer.exit_code
    return TIMED_OUT


def wait(arguments: Sequence[str]) -> int:
    calls, seconds = _parsed(arguments)
    if (gateway := Gateway.of(os.environ)) is None:
        return show(ALONE, NO_GATEWAY)
    answers, code = Waiting(gateway=gateway, seconds=seconds).all(calls)
    return show(answers, code)


def _parsed(arguments: Sequence[str]) -> tuple[list[str], float]:
    """Raises UsageError."""
    rest, calls, seconds = iter(arguments), list[str](), DEFAULT_SECONDS
    for word in rest:
        if word == "--timeout" or word.startswith("--timeout="):
            seconds = _seconds(word.partition("=")[2] or next(rest, ""))
        else:
            calls.append(word)
    if not calls or any(call.startswith("-") for call in calls):
        raise UsageError("no callId given", hint="use it as: al-wait CALLID... [--timeout SECONDS]")
    return calls, seconds


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise UsageError(f"{text!r} is no number of seconds", hint="--timeout 900, for instance")
    return value


def main(arguments: Sequence[str]) -> int:
    return guarded(lambda: wait(arguments))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
