"""The last few things that were seen, by a key.  Safe to share between threads."""

from collections.abc import Hashable
from threading import Lock
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Recently(Generic[K, V]):
    """At most `most` of them; the one that was put in first is forgotten first."""

    def __init__(self, most: int) -> None:
        self._most, self._kept, self._lock = most, dict[K, V](), Lock()

    def __setitem__(self, key: K, value: V) -> None:
        with self._lock:
            self._kept.pop(key, None)
            self._kept[key] = value
            if len(self._kept) > self._most:
                del self._kept[next(iter(self._kept))]

    def pop(self, key: K) -> V | None:
        """The value, which is then forgotten; None when there is none."""
        with self._lock:
            return self._kept.pop(key, None)
