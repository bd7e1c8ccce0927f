"""Failures that somebody asks for: the next calls of an RPC fail, lose their answers, arrive twice, or take their time.

https://cloud.google.com/apis/design/errors#error_retries says which of them a client may repeat.
"""

import threading
import time
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from .refusals import Refused


class Kind(StrEnum):
    """What happens to a call."""

    FAIL = "fail"  # nothing is done
    LOSE = "lose"  # it is done, and answered with an error
    REPEAT = "repeat"  # the network brings it twice; the second answer is heard
    DELAY = "delay"  # it is done, later


@dataclass(slots=True, kw_only=True)
class _Fault:
    kind: Kind
    rpc: str
    times: int
    code: str = ""
    message: str = ""
    seconds: float = 0.0


class Faults:
    """Safe to use from several threads."""

    def __init__(self) -> None:
        self._waiting: list[_Fault] = []
        self._lock = threading.Lock()

    def lose(self, rpc: str, *, times: int = 1, code: str = "UNAVAILABLE") -> None:
        """The next `times` calls of the RPC do their work, and answer `code`: UNAVAILABLE or DEADLINE_EXCEEDED."""
        message = "the answer was lost"
        self._add(_Fault(kind=Kind.LOSE, rpc=rpc, code=code, message=message, times=times))

    def fail(
        self, rpc: str, code: str, *, times: int = 1, message: str = "the sandbox was told to fail"
    ) -> None:
        """The next `times` calls of the RPC do nothing, and answer `code`, e.g. RESOURCE_EXHAUSTED."""
        self._add(_Fault(kind=Kind.FAIL, rpc=rpc, code=code, message=message, times=times))

    def repeat(self, rpc: str, *, times: int = 1) -> None:
        """The next `times` calls of the RPC arrive twice, one after the other; who asked hears the second answer."""
        self._add(_Fault(kind=Kind.REPEAT, rpc=rpc, times=times))

    def delay(self, rpc: str, *, seconds: float, times: int = 1) -> None:
        """The next `times` calls of the RPC wait for so long before anything is done."""
        self._add(_Fault(kind=Kind.DELAY, rpc=rpc, seconds=seconds, times=times))

    def order(self, **asked: Any) -> None:
        """As JSON asks for it: `kind`, and what the method of that name takes; without a kind, a failure where there is a
        code, else a lost answer.  Raises ValueError or TypeError."""
        usual = Kind.FAIL if "code" in asked else Kind.LOSE
        getattr(self, Kind(asked.pop("kind", usual)))(**asked)

    def clear(self) -> None:
        with self._lock:
            self._waiting.clear()

    @property
    def due(self) -> tuple[str, ...]:
        """The RPCs whose calls are still to meet something."""
        with self._lock:
            return tuple(fault.rpc for fault in self._waiting)

    def before(self, rpc: str) -> None:
        """Waits when a delay is due; raises Refused when a failure is."""
        if delay := self._taken(rpc, Kind.DELAY):
            time.sleep(delay.seconds)
        if fault := self._taken(rpc, Kind.FAIL):
            raise Refused(fault.code, fault.message)

    def repeats(self, rpc: str) -> bool:
        """Whether this request is to be done twice."""
        return self._taken(rpc, Kind.REPEAT) is not None

    def after(self, rpc: str) -> None:
        """Raises Refused when the answer is to be lost."""
        if fault := self._taken(rpc, Kind.LOSE):
            raise Refused(fault.code, fault.message)

    def _add(self, fault: _Fault) -> None:
        with self._lock:
            self._waiting.append(fault)

    def _taken(self, rpc: str, kind: Kind) -> _Fault | None:
        with self._lock:
            found = next((f for f in self._waiting if f.rpc == rpc and f.kind is kind), None)
            if found is None:
                return None
            found.times -= 1
            if found.times <= 0:
                self._waiting.remove(found)
            return found
