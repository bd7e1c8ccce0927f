"""The books of core/books.py for a ledger that keeps facts and can change several of them in one step.

What such a ledger must be able to do is in `ground.py`; what is kept where, in `keys.py`.  Every change of a book is one
conditional write of a few facts, made again when somebody came between, so there is no lock that a dead process could
leave behind, and no step that is half done.  Nothing here knows a database, or what time it is.
"""

from datetime import datetime
from typing import Protocol

from toolkit.core.clock import iso

from .calls import Calls
from .deliveries import Deliveries
from .ground import Ground
from .locks import Locks
from .queue import Queue

__all__ = ["Calls", "Deliveries", "Ground", "Locks", "Queue", "forget"]


class Kept(Protocol):
    """A ledger whose books are these."""

    calls: Calls
    deliveries: Deliveries
    locks: Locks


def forget(ledger: Kept, before: datetime) -> int:
    """The books' part of Ledger.prune.  Locks whose time is long over go too, and are not counted."""
    ledger.locks.forget(iso(before))
    return ledger.calls.forget(iso(before)) + ledger.deliveries.forget(iso(before))
