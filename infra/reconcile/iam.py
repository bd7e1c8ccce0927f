"""IAM's calls: paged, a few at a time, and tried again in this one place.

IAM is one service for the whole account.  Its rates are not published, differ by action, and are shared with
everything else that asks it (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html), so few
calls go side by side and a refusal for speed is waited out.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

from toolkit.clouds.aws import Clients, code_of, translated
from toolkit.core import parallel
from toolkit.core.errors import AlError
from toolkit.core.retry import retrying

T = TypeVar("T")
R = TypeVar("R")

AT_ONCE = 8
PATIENCE = 60.0  # seconds
PAGE = 1000  # the most that one answer may hold; IAM may send fewer and say that there are more
# somebody edits the same role, or IAM has not finished an earlier change of it
_BUSY = {"ConcurrentModification", "EntityTemporarilyUnmodifiable"}


class Iam:
    """One account's IAM.  Every method raises our errors."""

    def __init__(
        self,
        clients: Clients,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = clients.client("iam")
        self.sleep, self._clock = sleep, clock

    def call(
        self, operation: str, *, hints: Mapping[str, str] | None = None, **request: Any
    ) -> Mapping[str, Any]:
        """`call("get_role", RoleName=...)`.  Raises NotFound, AlreadyExists, Conflict, LimitExceeded, ..."""

        def once() -> Mapping[str, Any]:
            with translated(_words(operation, request), hints=hints):
                answer: Mapping[str, Any] = getattr(self._client, operation)(**request)
            return answer

        return retrying(once, seconds=PATIENCE, retry=_passes, sleep=self.sleep, clock=self._clock)

    def pages(self, operation: str, key: str, **request: Any) -> Iterator[Any]:
        """Everything under `key`, page after page."""
        marker: dict[str, Any] = {}
        while True:
            page = self.call(operation, MaxItems=PAGE, **request, **marker)
            yield from page[key]
            if not page.get("IsTruncated"):
                return
            marker = {"Marker": page["Marker"]}


def at_once(do: Callable[[T], R], things: Iterable[T]) -> list[R]:
    """Do it to all, a few at a time; after the first failure nothing further begins.  Raises that failure."""
    return parallel.at_once(do, things, most=AT_ONCE)


def _passes(error: AlError) -> bool:
    return error.temporary or code_of(error) in _BUSY


def _words(operation: str, request: Mapping[str, Any]) -> str:
    """`iam GetRole al-shop-...`: names of things only, never documents."""
    about = request.get("RoleName") or request.get("PolicyArn") or "the account's roles"
    return f"IAM {operation.replace('_', ' ')}, {about}"
