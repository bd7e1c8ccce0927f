"""What was asked of the sandbox, each once: by whom, which action, on what, with which condition keys.

It judges nothing and forgets the oldest first.  The least that a policy must allow can be read off it, by tests and at
GET /al-sandbox/calls; DELETE begins anew.  It holds names and keys of requests, never what they carried.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from infra.reconcile.policy import Need

OPERATOR = "operator"  # whoever has a key that is no role's
MOST = 20_000  # a sandbox lives for hours, not for years


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One kind of request.  `principal` is the role's name, or OPERATOR; `allowed` what the judge said."""

    principal: str
    action: str
    resource: str
    keys: tuple[tuple[str, tuple[str, ...]], ...] = ()
    allowed: bool = True

    @property
    def need(self) -> Need:
        return Need(action=self.action, resource=self.resource, keys=dict(self.keys))

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "principal": self.principal,
            "action": self.action,
            "resource": self.resource,
            "keys": {name: list(values) for name, values in self.keys},
            "allowed": self.allowed,
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "Asked":
        keys = tuple((name, tuple(values)) for name, values in sorted(data["keys"].items()))
        return cls(**{**data, "keys": keys})


class Recording:
    """Safe to use from several threads."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._seen: dict[Asked, None] = {}
        self._lock = threading.Lock()

    def add(self, principal: str, need: Need, *, allowed: bool = True) -> None:
        keys = tuple((name, tuple(values)) for name, values in sorted(need.keys.items()))
        asked = Asked(
            principal=principal,
            action=need.action,
            resource=need.resource,
            keys=keys,
            allowed=allowed,
        )
        with self._lock:
            self._seen[asked] = None
            if len(self._seen) > self._most:
                del self._seen[next(iter(self._seen))]

    def calls(self) -> Sequence[Asked]:
        """In the order in which they were first seen."""
        with self._lock:
            return tuple(self._seen)

    def clear(self) -> None:
        with self._lock:
            self._seen.clear()
