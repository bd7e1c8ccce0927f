"""A launcher that dies before its nth call to Google, as by `kill -9`: no call is made afterwards."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from toolkit.clouds.gcp import GcpClients
from toolkit.core.environment import GcpCloud


class Died(BaseException):
    """The process is gone."""


@dataclass
class Life:
    """How many calls are still to be made; `calls` are their names."""

    left: int
    calls: list[str]

    def spend(self, call: str) -> None:
        if self.left <= 0:
            raise Died
        self.left -= 1
        self.calls.append(call)


class Client:
    """One of Google's clients, whose calls cost life."""

    def __init__(self, client: Any, life: Life) -> None:
        self._client, self._life = client, life

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._client, name)
        return self._spending(name, found) if callable(found) else found

    def _spending(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def called(*parts: Any, **named: Any) -> Any:
            self._life.spend(name)
            return call(*parts, **named)

        return called


class MortalClients(GcpClients):
    """Of a process that dies."""

    def __init__(self, cloud: GcpCloud, calls: int) -> None:
        super().__init__(cloud)
        self.life = Life(calls, [])

    def client(self, kind: Any) -> Any:
        return Client(super().client(kind), self.life)
