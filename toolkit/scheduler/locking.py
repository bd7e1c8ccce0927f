"""What one run has to itself: the rules around `ledger.locks` that do not belong to a store."""

from datetime import datetime
from functools import partial

from toolkit.core.errors import UsageError
from toolkit.core.ports import Ledger
from toolkit.core.resource import resource_key
from toolkit.core.run import Run, RunId
from toolkit.core.sources import reported
from toolkit.core.work import Grip, LockAnswer

from .roster import Roster

MOST_SECONDS = 86_400.0  # who needs a resource for longer than a day says so with a heartbeat
MOST_LOCKS = 100  # that one run may hold: more is a loop that gives nothing back
_REFUSED = (LockAnswer.TAKEN, LockAnswer.DEADLOCK)


def seconds_of(ttl: object, roster: Roster) -> float:
    """For how long a lock is wanted: the project's own time when nobody says.  Raises UsageError."""
    if ttl is None:
        return float(roster.lock_seconds)
    number = not isinstance(ttl, bool) and isinstance(ttl, int | float)
    if not number or not 0 < float(str(ttl)) <= MOST_SECONDS:
        raise UsageError(
            f"a lock's ttl is not {str(ttl)[:40]}", hint=f"seconds, at most {MOST_SECONDS:,.0f}"
        )
    return float(str(ttl))


def acquire(
    ledger: Ledger, roster: Roster, run: Run, key: str, *, seconds: float, moment: datetime
) -> Grip:
    """As `Locks.acquire`.  A holder that has ended holds nothing, also before somebody has tidied up after it.

    Raises UsageError when `key` is no URI.
    """
    ask = partial(
        ledger.locks.acquire,
        resource_key(key),
        run.id,
        seconds=seconds,
        moment=moment,
        single=roster.one_lock,
        most=MOST_LOCKS,
    )
    grip = ask()
    if grip.answer in _REFUSED and grip.lock and _ended(ledger, grip.lock.holder):
        ledger.locks.release_all(grip.lock.holder)
        return ask()
    return grip


def _ended(ledger: Ledger, holder: RunId) -> bool:
    record = ledger.get(holder)
    return record is None or reported(record, ledger).state.final
