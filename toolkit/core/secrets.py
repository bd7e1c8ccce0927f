"""Secret values, references to them, and the receipt of a run's one secret.

`grep -rn '\\.reveal('` over the tree is the security review: a value leaves its `Secret` in a handful of places.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import NoReturn, final


@final
class Secret:
    """A value that cannot print, log, pickle, compare or hash itself."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value.  Call it only where it is stored, injected into the agent, or verified."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(…)"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return "Secret(…)"

    def __bool__(self) -> bool:
        return bool(self._value)

    def __len__(self) -> int:
        return len(self._value)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret cannot be pickled or copied: pass its SecretRef")

    def __eq__(self, other: object) -> bool:
        raise TypeError("a Secret cannot be compared: use hmac.compare_digest on revealed bytes")

    __hash__ = None  # type: ignore[assignment]  # a secret is no key: hashing would let it into sets and dicts


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretRef:
    """Where a secret is, never what it is.  `name` is the store's own name for it."""

    store: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretLease:
    """The right to one run's secret: where it is, whose it is, and when a sweeper may delete it."""

    ref: SecretRef
    agent: str
    run: str
    created: datetime
    expires: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What became of a run's one secret: four ISO 8601 times in UTC, or None for what has not been seen.

    `read` is the container's own report; `verified_absent` is the launcher's own look afterwards.
    """

    created: str | None = None
    read: str | None = None
    deleted: str | None = None
    verified_absent: str | None = None

    @property
    def complete(self) -> bool:
        """Whether the secret was made, read, deleted, and seen to be gone."""
        return None not in (self.created, self.read, self.deleted, self.verified_absent)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSecret:
    """A secret as its store lists it: name, tags and times, without the value."""

    name: str
    tags: dict[str, str] = field(default_factory=dict)
    created: datetime | None = None
