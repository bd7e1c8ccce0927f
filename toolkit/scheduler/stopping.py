"""Ends one run, wherever it is on its way: waiting, being launched, or at work."""

from functools import partial

from toolkit.core.clock import iso
from toolkit.core.run import Run, RunState

from . import turns
from .adopt import found
from .desk import Desk
from .ending import over

UNSTARTED = "it was stopped before it started"


def stop_run(desk: Desk, run: Run) -> str:
    """End it and say how, in a sentence.  Harmless when it is over.

    The flag comes first: whoever is about to launch it looks at it before and after, and its container while it works.
    """
    ledger = desk.services.ledger
    ledger.request_stop(run.id)
    item = ledger.queue.get(run.id)
    if item and not item.started and item.holder is None:
        over(
            desk,
            ledger.update(
                run.id, state=RunState.STOPPED, reason=UNSTARTED, finished=iso(desk.clock())
            ),
        )
        return f"{run.id} was waiting, and will not start"
    known = ledger.get(run.id) or run
    if known.state.final:
        return f"{run.id} was already over"
    if known.state is RunState.QUEUED:
        # whoever still waits with it hears of the stop when it asks again
        turns.tidy(partial(turns.silence, ledger, run.id))
        return f"{run.id} is about to be launched, and will be stopped instead"
    if (handle := known.handle or found(desk.services, known)) is None:
        return "it will find the stop flag when it begins"
    return desk.services.runtime(known.runtime).stop(handle)
