"""The rest of the shared state of an environment (D10): the queue, locks, calls and deliveries.

Each ledger keeps them beside the runs, as `ledger.queue`, `ledger.locks`, `ledger.calls` and `ledger.deliveries`.  Every
change is one atomic step that is durable when it returns.  Times that come in are `datetime` in UTC: whoever asks says
what time it is, so that a test can.  Every implementation passes the suites in tests/contracts/.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol, runtime_checkable

from .run import Run, RunId
from .work import Accepted, Added, Call, Delivery, DeliveryState, Grip, Lock, Page, Rooms, WorkItem


class Queue(Protocol):
    """Work in the order in which it came, per agent; of one millisecond, in the order in which one process queued it.

    An item stays here until its run is over."""

    def add(self, run: Run, item: WorkItem, *, most: int) -> Added:
        """Record the run, whose state is QUEUED, and its work.

        Where `most` items of the agent wait already, the oldest make room: their runs end as FAILED with
        Cause.DROPPED.  An item whose `once` waits already adds nothing.  The same run id again changes nothing."""

    def take(
        self, holder: str, rooms: Rooms, *, seconds: float, moment: datetime
    ) -> WorkItem | None:
        """The oldest item that is due and for which there is room, now held by `holder` for so long; None when there is
        none.  An item whose holder let its time run out, without having started it, goes before all others: its run may
        have begun, so it has kept its place, and taking it over is no new attempt.  While its agent may start nothing it
        waits again, as if it had not been tried.

        There is room while fewer of the agent's items are held or started than `rooms` says, and of all agents' fewer
        than its total.  However many take at once, that is never exceeded."""

    def renew(
        self, run: RunId, holder: str, *, seconds: float, moment: datetime, failed: bool = False
    ) -> bool:
        """Hold it for so long from now; False when it is no longer the holder's.

        `failed`: this attempt came to nothing that is known, so whoever takes the item over begins another."""

    def started(self, run: RunId, holder: str) -> bool:
        """It was launched: nobody holds it now, and it keeps its place until `done`; False when it was not the
        holder's."""

    def give_back(
        self, run: RunId, holder: str, *, not_before: datetime, tried: bool = True
    ) -> bool:
        """It was not started and waits again, in its old place, from that time on; False when it was not the holder's.

        Unless it was `tried`, its being taken does not count as an attempt."""

    def done(self, run: RunId) -> bool:
        """Take the item out, whatever became of it; whether it was there."""

    def get(self, run: RunId) -> WorkItem | None: ...

    def waiting(self, agent: str | None = None, *, limit: int = 100) -> Sequence[WorkItem]:
        """Those that nobody has started or is starting, oldest first."""

    def at_work(self) -> Sequence[WorkItem]:
        """Those that are held or started, oldest first."""

    def lengths(self) -> Mapping[str, int]:
        """How many wait, by agent; agents of which none waits are left out."""


class Locks(Protocol):
    """Which run has which resource to itself."""

    def acquire(
        self,
        key: str,
        holder: RunId,
        *,
        seconds: float,
        moment: datetime,
        single: bool = False,
        most: int | None = None,
    ) -> Grip:
        """HELD, also when it was the holder's already, which then has it for so long from now; else TAKEN or DEADLOCK.

        Nobody waits here: a refused holder is remembered as wanting `key` until it gets something, gives everything
        back, or its wish is as old as a lock may get.  With `single`, ONE_ONLY for who holds another; with `most`,
        TOO_MANY for who holds so many others.  An expired lock is nobody's."""

    def release(self, key: str, holder: RunId, *, moment: datetime) -> Grip:
        """FREED, UNKNOWN, or TAKEN by another."""

    def heartbeat(self, key: str, holder: RunId, *, seconds: float, moment: datetime) -> Grip:
        """HELD for so long from now, UNKNOWN, or TAKEN by another."""

    def held(self, holder: RunId | None = None, *, moment: datetime) -> Sequence[Lock]:
        """All that have not expired, by key; or those of one holder."""

    def release_all(self, holder: RunId) -> int:
        """Free what the holder has and forget what it wanted; how many it had."""


class Calls(Protocol):
    """What agents asked of each other."""

    def add(self, call: Call) -> None:
        """Raises AlreadyExists when the id is known."""

    def get(self, call: str) -> Call | None: ...

    def update(self, call: str, **changes: Any) -> Call:
        """Set these fields.  A call in a final state stays as it is.  Raises NotFound."""

    def of_caller(self, run: RunId) -> Sequence[Call]:
        """Oldest first."""

    def of_run(self, run: RunId) -> Call | None:
        """The call that this run works for."""

    def recent(self, *, limit: int = 100, active: bool = False) -> Sequence[Call]:
        """Newest first; with `active` only those without a final state."""


class Deliveries(Protocol):
    """Webhooks that came in, and the runs that they asked for."""

    def accept(self, delivery: Delivery, work: Sequence[tuple[Run, WorkItem, int]]) -> Accepted:
        """Record the delivery and queue its work, each run with how many items of its agent may wait.

        One durable step, whoever dies when: either all of it is there, or nothing was answered.  A delivery whose
        source and number are known and were verified before changes nothing and is told as a duplicate.  Raises
        RunTaken, and keeps nothing, when a run of `work` has the id of one that is recorded."""

    def get(self, receipt: str) -> Delivery | None: ...

    def seen(self, source: str, delivery: str) -> str | None:
        """The receipt of the verified delivery with this number, or None."""

    def list(self, *, state: DeliveryState | None = None, limit: int = 50, offset: int = 0) -> Page:
        """Newest first, without bodies."""


@runtime_checkable
class AcceptsMany(Protocol):
    """Deliveries that make many concurrent ones durable in one step."""

    def accept_soon(
        self,
        delivery: Delivery,
        work: Sequence[tuple[Run, WorkItem, int]],
        then: Callable[[Accepted | BaseException], None],
    ) -> None:
        """As `accept`; `then` is called from another thread with its answer or its error, once that is durable."""
