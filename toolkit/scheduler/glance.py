"""Facts as they were a moment ago, for whoever asks thousands of times a second: the intake of webhooks.

What must be as it is now (a pause, before somebody is refused) is read from the ledger instead.
"""

import time
from collections.abc import Callable
from typing import Any, TypeVar

from toolkit.wiring import Services

from . import switches
from .dispatch import definition_of
from .roster import Post
from .switches import Switches

T = TypeVar("T")


def pushed_to(services: Services, post: Post) -> str:
    """The runtime that the last push put the agent on, as runs' records name it.  Raises NotFound when it was not pushed."""
    found = definition_of(services.at(post.environment), post.agent).runtime
    return services.named(found, post.environment)


class Glance:
    """Remembers what it read for a second.  Safe to share between threads: at worst two read the same."""

    SECONDS = 1.0

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: dict[str, tuple[float, Any]] = {}

    def switches(self, services: Services) -> Switches:
        return self._recent("", lambda: switches.read(services.ledger))

    def runtime(self, services: Services, post: Post) -> str:
        """As `pushed_to`."""
        return self._recent(post.agent, lambda: pushed_to(services, post))

    def _recent(self, key: str, read: Callable[[], T]) -> T:
        known = self._seen.get(key)
        if known is None or self._clock() - known[0] >= self.SECONDS:
            known = self._seen[key] = (self._clock(), read())
        value: T = known[1]
        return value
