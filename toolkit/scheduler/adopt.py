"""Finds the runs again whose launcher died before it could record where they are (D14).

Their platform says it while they live, and their own container when it claims.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from toolkit.core.run import Mailbox, Run, RunHandle
from toolkit.wiring import Services


def found(services: Services, run: Run) -> RunHandle | None:
    """The handle of a live run, as its platform lists it.  Raises what the platform refuses."""
    return next((h for h in services.runtime(run.runtime).running() if h.run == run.id), None)


def adopted(
    services: Services, runs: Sequence[Run], boxes: Mapping[Any, Mailbox]
) -> dict[Any, Run]:
    """These runs, with a handle in their record where one can be found; each platform is asked once."""
    orphans = [run for run in runs if run.handle is None]
    live = {
        handle.run: handle
        for name in {run.runtime for run in orphans}
        for handle in services.runtime(name).running()
    }
    return {
        run.id: _recorded(services, run, boxes[run.id], live.get(run.id))
        if run.handle is None
        else run
        for run in runs
    }


def _recorded(services: Services, run: Run, box: Mailbox, live: RunHandle | None) -> Run:
    handle = live or (run.handle_at(box) if box.where else None)
    if handle is None:
        return run
    return services.ledger.update(run.id, handle=handle, started=run.started or box.claimed)
