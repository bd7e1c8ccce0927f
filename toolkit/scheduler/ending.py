"""What follows when a run is over: its locks and its turn are free, its calls have their answer, it may ask to be run again.

Its work item goes last: as long as it is there, somebody finds it and does all of this again, which is harmless.
"""

from toolkit.core.run import Run

from . import calling, turns
from .desk import Desk
from .reruns import follow


def over(desk: Desk, run: Run) -> None:
    """`run` is final and recorded so."""
    ledger = desk.services.ledger
    ledger.locks.release_all(run.id)
    turns.leave(ledger, run.id)
    calling.over(ledger, run, desk.clock())
    follow(desk, run)
    ledger.queue.done(run.id)
