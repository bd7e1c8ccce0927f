"""Finds the runs again whose launcher died before it could record where they are (D14).

Their platform says it while they live, and their own container when it claims.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from toolkit.core.ports import Remembers
from toolkit.core.run import Mailbox, Run, RunHandle
from toolkit.wiring import Services


def found(services: Services, run: Run) -> RunHandle | None:
    """The handle of a live run, as its platform lists it.  Raises what the platform refuses."""
    return next((h for h in services.runtime(run.runtime).running() if h.run == run.id), None)


def _remembered(services: Services, run: Run) -> RunHandle | None:
    """Of one that is over already, where the platform tells."""
    runtime = services.runtime(run.runtime)
    return runtime.find(run) if isinstance(runtime, Remembers) else None


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
    handle = live or (run.handle_at(box) if box.where else _remembered(services, run))
    if handle is None:
        return run
    # its launcher may be recording when it started at this very moment
    known = {"started": box.claimed} if box.claimed and not run.started else {}
    return services.ledger.update(run.id, handle=handle, **known)
