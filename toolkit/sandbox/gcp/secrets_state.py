"""What Secret Manager holds: secrets and their versions, which expire by themselves.

https://cloud.google.com/secret-manager/docs/creating-and-accessing-expiring-secrets,
https://cloud.google.com/secret-manager/docs/delay-destruction-of-secret-versions.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from google.cloud import secretmanager_v1 as sm

from .refusals import not_found, precondition

State: Any = sm.SecretVersion.State  # proto-plus types its members as numbers


@dataclass(slots=True)
class Version:
    """One version; `data` is None once it is destroyed."""

    about: sm.SecretVersion
    data: bytes | None = field(repr=False)
    destroy_at: datetime | None = None

    def settle(self, now: datetime) -> None:
        """What was scheduled happens."""
        if self.destroy_at is not None and self.destroy_at <= now:
            self.destroy(self.destroy_at)

    def destroy(self, when: datetime) -> None:
        self.data, self.destroy_at = None, None
        self.about.state, self.about.destroy_time = State.DESTROYED, when
        self.about.scheduled_destroy_time = None

    def refuse_destroyed(self) -> None:
        """Raises Refused when nothing can be done with it any more."""
        if self.about.state == State.DESTROYED:
            raise precondition(f"Secret Version [{self.about.name}] is in DESTROYED state.")


@dataclass(slots=True)
class Stored:
    """A secret with its versions, the oldest first; `about.expire_time` is when it ends."""

    about: sm.Secret
    versions: list[Version] = field(default_factory=list)


@dataclass(slots=True)
class Secrets:
    """By canonical name."""

    by_name: dict[str, Stored] = field(default_factory=dict)
    changes: int = 0  # etags are made of it

    def etag(self) -> str:
        """A new one, in quotes (https://cloud.google.com/secret-manager/docs/etags)."""
        self.changes += 1
        return f'"{self.changes:x}"'

    def living(self, now: datetime) -> Iterator[tuple[str, Stored]]:
        """Those that have not expired; the others are gone for good."""
        for name in [n for n, s in self.by_name.items() if _over(s, now)]:
            del self.by_name[name]
        yield from self.by_name.items()

    def has(self, name: str, now: datetime) -> bool:
        """Whether there is one; one that has expired is gone for good."""
        stored = self.by_name.get(name)
        if stored is not None and _over(stored, now):
            del self.by_name[name]
        return name in self.by_name

    def find(self, name: str, now: datetime) -> Stored:
        """Raises Refused when there is none."""
        if not self.has(name, now):
            raise not_found(name, message=f"Secret [{name}] not found or has no versions.")
        stored = self.by_name[name]
        for version in stored.versions:
            version.settle(now)
        return stored

    def version(self, name: str, now: datetime, *, latest_delay: float = 0.0) -> Version:
        """The version of a full name: by number, alias, or `latest`, which is the newest whatever its state.

        Only numbers are strongly consistent (https://cloud.google.com/secret-manager/docs/consistency): `latest` knows
        versions that are older than `latest_delay` seconds.  Raises Refused when there is none.
        """
        secret, _, which = name.partition("/versions/")
        stored = self.find(secret, now)
        number = _number(stored, which, now - timedelta(seconds=latest_delay))
        if not 0 < number <= len(stored.versions):
            raise not_found(name, message=f"Secret Version [{name}] not found.")
        return stored.versions[number - 1]


def _number(stored: Stored, which: str, due: datetime) -> int:
    if which == "latest":
        return sum(version.about.create_time <= due for version in stored.versions)
    if which in stored.about.version_aliases:
        return int(stored.about.version_aliases[which])
    return int(which) if which.isdecimal() else 0


def _over(stored: Stored, now: datetime) -> bool:
    due = stored.about.expire_time
    return due is not None and due <= now
