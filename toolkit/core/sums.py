"""What many runs come to: numbers that can be added, so that a ledger may keep them ready.  Values, and who has them."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Protocol, runtime_checkable

from .work import Page


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """Of runs that are over.  `ok` are those that succeeded, `killed` those that somebody stopped; `cost` is in US dollars,
    as sessions report it.  Of what not every run has there is the number of those that have it, and the milliseconds."""

    runs: int = 0
    ok: int = 0
    killed: int = 0
    timed: int = 0
    duration_ms: int = 0
    hooked_before: int = 0
    before_ms: int = 0
    hooked_after: int = 0
    after_ms: int = 0
    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0
    total: int = 0
    turns: int = 0
    cost: float = 0.0

    def __add__(self, other: "Sums") -> "Sums":
        return Sums(**{name: getattr(self, name) + getattr(other, name) for name in NAMES})


NAMES = tuple(field.name for field in fields(Sums))
NOTHING = Sums()


class History(Protocol):
    """Runs that are over, many at a time, without reading each.  `since` is ISO 8601 in UTC, and counts by when a run was
    created."""

    def page(
        self, *, agent: str | None = None, since: str = "", limit: int = 50, offset: int = 0
    ) -> Page:
        """Newest first."""

    def sums(self, *, since: str = "") -> Mapping[str, Sums]:
        """By agent's name."""


@runtime_checkable
class KeepsHistory(Protocol):
    """A ledger that has them."""

    history: History
