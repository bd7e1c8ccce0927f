"""Starts that failed: which are worth another attempt, how many, and when.  Pure.

Another attempt has the same run id.  It begins only when the one before it is known to be gone: it was refused, or
its platform says that it ended before the run claimed anything.
"""

from datetime import datetime, timedelta

from toolkit.core.errors import (
    AlError,
    CredentialError,
    LaunchError,
    LimitExceeded,
    NotFound,
    Throttled,
    Unreachable,
)
from toolkit.core.run import Cause, Mailbox, RunState, RunStatus
from toolkit.core.work import WorkItem

MOST = 3  # attempts of one run
# what may be otherwise in a minute; a run that was refused for what it is stays refused
PASSING = frozenset({Cause.CAPACITY, Cause.IMAGE_PULL, Cause.SECRET_MISSING, Cause.NETWORK})
_WAITS = (timedelta(seconds=15), timedelta(seconds=60))  # before the second, and before the third


def cause_of(error: BaseException, *, leased: bool) -> Cause:
    """Why a start failed.  `leased`: the run's secret had been made."""
    match error:
        case LaunchError():
            return Cause(error.cause)
        case LimitExceeded():
            return Cause.TOO_LARGE
        case CredentialError():
            return Cause.SECRET_MISSING
        case Unreachable() | Throttled():
            return Cause.NETWORK
        case NotFound():
            return Cause.NEVER_STARTED
    return Cause.NEVER_STARTED if leased else Cause.SECRET_MISSING


def again(error: BaseException, attempts: int, *, leased: bool) -> bool:
    """Whether a start that failed so is worth another attempt, after `attempts` of them."""
    known = isinstance(error, AlError) and not isinstance(error, StoppedBefore)
    return known and attempts < MOST and cause_of(error, leased=leased) in PASSING


def begun_again(mailbox: Mailbox, status: RunStatus, item: WorkItem | None) -> bool:
    """The same for a run that its platform ended before it had claimed anything, while it was still being started."""
    if mailbox.claimed or mailbox.stop or status.state is not RunState.FAILED:
        return False
    if item is None or item.started or item.attempts >= MOST:
        return False
    return status.cause in PASSING


def not_before(attempts: int, moment: datetime) -> datetime:
    """When the next attempt may begin, after `attempts` of them."""
    return moment + _WAITS[min(attempts, len(_WAITS)) - 1]


class StoppedBefore(AlError):
    """Somebody stopped the run before it was launched."""
