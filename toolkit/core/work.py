"""Work that waits for its turn, and what agents share while they run: values only.

A run is allocated when its work is queued and keeps its id: the work item lies in the queue until the run is over.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from .agent import AgentName
from .run import RunId, Trigger


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkItem:
    """One run that is to be started.  Times are ISO 8601 in UTC.

    Of the waiting items of one agent only one has the same `once`, unless it is empty: a schedule that is behind
    is made good by one run.
    """

    run: RunId
    trigger: Trigger
    created: str
    once: str = ""
    not_before: str | None = None  # a start that failed is tried again later
    attempts: int = (
        0  # how often somebody began with it; who takes over what another let go goes on with that
    )
    holder: str | None = None  # who is starting it, until `until`
    until: str | None = None
    started: bool = False  # it was launched, and takes one of its agent's places until it is done

    @property
    def agent(self) -> AgentName:
        return self.trigger.agent


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """What became of an item that was to be queued."""

    run: RunId  # of the item, or of the one that waits already with the same `once`
    joined: bool = False
    dropped: tuple[
        RunId, ...
    ] = ()  # the oldest waiting ones that had to make room; their runs have ended


@dataclass(frozen=True, slots=True, kw_only=True)
class Rooms:
    """How many may be at work at once: by agent, where an agent that is not named may start nothing now, and in all."""

    agents: Mapping[str, int]
    total: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """A resource that one run has to itself.  `key` is a URI."""

    key: str
    holder: RunId
    since: str
    expires: str


class LockAnswer(StrEnum):
    HELD = "held"  # it is the asker's, from now on or still
    TAKEN = "taken"  # by another
    DEADLOCK = "deadlock"  # by another, who waits, maybe through others, for what the asker holds
    ONE_ONLY = "one_only"  # the asker holds another, and may hold one at a time
    TOO_MANY = "too_many"  # the asker holds as many others as a run may
    UNKNOWN = "unknown"  # nobody holds it
    FREED = "freed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Grip:
    """The answer to whoever asked for a lock.  `lock` is as it is now; `cycle` goes holder, key, holder, key, ..."""

    answer: LockAnswer
    lock: Lock | None = None
    cycle: tuple[str, ...] = ()


class CallState(StrEnum):
    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"
    ERROR = "error"

    @property
    def final(self) -> bool:
        return self in (CallState.COMPLETED, CallState.ERROR)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One agent's request to another.  `depth` is 1 for what a run asks that was itself not called."""

    id: str
    caller: RunId
    target: AgentName
    run: RunId  # that does the work
    context: str
    depth: int
    created: str
    state: CallState = CallState.PENDING
    return_value: str | None = None
    error: str | None = None
    finished: str | None = None


class DeliveryState(StrEnum):
    PROCESSED = "processed"
    DEAD = "dead-letter"


class DeadReason(StrEnum):
    UNVERIFIED = "validation_failed"
    UNREADABLE = "parse_error"
    UNWANTED = "no_match"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A webhook as it came in.  `id` is our receipt for it; `delivery` is the sender's own number, where it has one.

    `headers` are without signatures.  Of one that could not be verified nothing but this much is kept: no body.
    """

    id: str
    source: str
    received: str
    delivery: str | None = None
    summary: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    state: DeliveryState = DeliveryState.PROCESSED
    reason: DeadReason | None = None
    matched: int = 0
    replay_of: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """What became of a delivery: `duplicate_of` is the receipt of the one that was there before."""

    receipt: str
    duplicate_of: str | None = None
    added: Sequence[Added] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some of many, newest first, and how many there are."""

    rows: Sequence[Any]
    total: int
