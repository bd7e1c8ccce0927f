"""Runs that ended while nobody looked, because whoever started them is gone."""

from collections.abc import Iterator, Sequence

from toolkit.core.clock import from_iso, now
from toolkit.core.errors import AlError
from toolkit.core.run import Run, RunState
from toolkit.core.sources import reported
from toolkit.ops.doctor.findings import Finding, Weight, refused, warning
from toolkit.scheduler.settle import settle
from toolkit.wiring import Services

MOST = 500  # runs without an end that one look asks for


def settled(services: Services) -> Iterator[Finding]:
    """Record their ends: that is reading the truth, so it needs no consent."""
    runs = services.ledger.runs(active=True, limit=MOST)
    try:
        after = settle(services, runs)
    except AlError:  # one of them, perhaps: then the others are told all the same
        yield from _one_by_one(services, runs)
        return
    for run in after:
        yield from _told(services, run, fixed=True)


def _one_by_one(services: Services, runs: Sequence[Run]) -> Iterator[Finding]:
    for before in runs:
        try:
            (run,) = settle(services, [before])
        except AlError as error:
            yield refused(str(before.id), error)
            continue
        yield from _told(services, run, fixed=True)


def seen(services: Services) -> Iterator[Finding]:
    """Those whose end is known already, and is only not recorded.  Changes nothing."""
    present = now()
    for before in services.ledger.runs(active=True, limit=MOST):
        run = reported(before, services.ledger)
        if run.state.final:
            yield _ended(run, fixed=False)
        elif run.deadline and present > from_iso(run.deadline):
            message = f"is past its deadline ({run.deadline}), and nobody recorded its end"
            yield warning(str(run.id), message, "`al doctor` without --check-only records it")
        else:
            yield from _told(services, run, fixed=False)


def _told(services: Services, run: Run, *, fixed: bool) -> Iterator[Finding]:
    """Its end; or that nobody knows yet whether it began, which is told after ten minutes at the latest."""
    if run.state.final:
        yield _ended(run, fixed=fixed)
    elif run.handle is None and not _waits(services, run):
        message = f"was being launched at {run.created}, and nothing has been heard of it"
        yield warning(
            str(run.id),
            message,
            "look again in ten minutes: then it is settled, and its secret deleted",
        )


def _waits(services: Services, run: Run) -> bool:
    """Whether it is only in its agent's queue: for a free place, or for `al resume`."""
    item = services.ledger.queue.get(run.id) if run.state is RunState.QUEUED else None
    return item is not None and item.holder is None


def _ended(run: Run, *, fixed: bool) -> Finding:
    return Finding(
        weight=Weight.WARNING,
        about=str(run.id),
        message=f"ended unseen: {run.state.value}{f' ({run.reason})' if run.reason else ''}",
        remedy=f"`al logs {run.id}` shows what it did",
        fixed=fixed,
    )
