"""Whose repositories the one OCI registry serves: ECR's, and Artifact Registry's below the Google project's id."""

from collections.abc import Callable
from typing import Protocol


class Repositories(Protocol):
    """What the registry asks and tells of a cloud's repositories (registry.py)."""

    def exists(self, repository: str) -> bool: ...

    def immutable(self, repository: str) -> bool: ...

    def pushed(
        self, repository: str, tag: str | None, digest: str, kind: str, text: str
    ) -> None: ...

    def gone(self, repository: str, digest: str) -> None: ...


class Either:
    """The first cloud's, unless the name begins as the second's do; `second` gives None while there is none."""

    def __init__(
        self, first: Repositories, head: str, second: Callable[[], Repositories | None]
    ) -> None:
        self._first, self._head, self._second = first, head, second

    def exists(self, repository: str) -> bool:
        return self._of(repository).exists(repository)

    def immutable(self, repository: str) -> bool:
        return self._of(repository).immutable(repository)

    def pushed(self, repository: str, tag: str | None, digest: str, kind: str, text: str) -> None:
        self._of(repository).pushed(repository, tag, digest, kind, text)

    def gone(self, repository: str, digest: str) -> None:
        self._of(repository).gone(repository, digest)

    def _of(self, repository: str) -> Repositories:
        second = self._second() if repository.startswith(self._head) else None
        return second or self._first
