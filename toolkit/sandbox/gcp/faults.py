"""Failures that somebody asks for: the next calls of an RPC fail, or are done and lose their answers.

https://cloud.google.com/apis/design/errors#error_retries says which of them a client may repeat.
"""

import threading
from dataclasses import dataclass

from .refusals import Refused

_LOST = "LOST"


@dataclass(slots=True)
class _Fault:
    rpc: str
    code: str
    message: str
    times: int


class Faults:
    """Safe to use from several threads."""

    def __init__(self) -> None:
        self._waiting: list[_Fault] = []
        self._lock = threading.Lock()

    def lose(self, rpc: str, *, times: int = 1) -> None:
        """The next `times` calls of the RPC do their work, and answer UNAVAILABLE."""
        self._add(_Fault(rpc, _LOST, "the answer was lost", times))

    def fail(
        self, rpc: str, code: str, *, times: int = 1, message: str = "the sandbox was told to fail"
    ) -> None:
        """The next `times` calls of the RPC do nothing, and answer `code`, e.g. RESOURCE_EXHAUSTED."""
        self._add(_Fault(rpc, code, message, times))

    def clear(self) -> None:
        with self._lock:
            self._waiting.clear()

    def before(self, rpc: str) -> None:
        """Raises Refused when a failure is due."""
        if fault := self._taken(rpc, lost=False):
            raise Refused(fault.code, fault.message)

    def after(self, rpc: str) -> None:
        """Raises Refused when the answer is to be lost."""
        if fault := self._taken(rpc, lost=True):
            raise Refused("UNAVAILABLE", fault.message)

    def _add(self, fault: _Fault) -> None:
        with self._lock:
            self._waiting.append(fault)

    def _taken(self, rpc: str, *, lost: bool) -> _Fault | None:
        with self._lock:
            found = next(
                (f for f in self._waiting if f.rpc == rpc and (f.code == _LOST) == lost), None
            )
            if found is None:
                return None
            found.times -= 1
            if found.times <= 0:
                self._waiting.remove(found)
            return found
