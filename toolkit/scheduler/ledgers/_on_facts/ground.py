"""What the books stand on, and how they change it: look, decide, keep it if nothing has changed, else look again."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from toolkit.core.errors import Conflict
from toolkit.core.retry import retrying
from toolkit.core.run import Run, RunId

T = TypeVar("T")

PATIENCE = 30.0  # seconds that a change is tried again for while others come between


class Ground(Protocol):
    """The part of a ledger that the books need."""

    def add(self, run: Run) -> None: ...

    def get(self, run: RunId) -> Run | None: ...

    def update(self, run: RunId, **changes: Any) -> Run: ...

    def fact(self, key: str) -> Any | None: ...

    def facts(self, prefix: str, *, limit: int | None = None) -> Mapping[str, Any]:
        """In the order of their keys; the first `limit` of them."""

    def read_facts(self, keys: Sequence[str]) -> Mapping[str, Any]:
        """Those that there are, by key; as true as `fact`."""

    def set_facts(self, values: Mapping[str, Any], *, expected: Mapping[str, Any]) -> bool:
        """Keep these (None deletes) while those have these values (None: are not there); whether they were kept.

        All in one atomic step, and at most `most_facts` of both together."""

    @property
    def most_facts(self) -> int: ...


class Crossed(Conflict):
    """Somebody changed it between the look and the write."""


def keep(ground: Ground, values: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    """Raises Crossed when it is not as expected."""
    if not ground.set_facts(values, expected=expected):
        raise Crossed(
            "too many change the same thing at once",
            hint="try again in a moment; fewer schedulers and callers at once make it rarer",
        )


def persistently(attempt: Callable[[], T]) -> T:
    """What `attempt` gives once nobody comes between: of several who cross, one gets through each time."""
    return retrying(
        attempt,
        seconds=PATIENCE,
        first=0.01,
        longest=0.5,
        retry=lambda error: isinstance(error, Crossed),
    )
