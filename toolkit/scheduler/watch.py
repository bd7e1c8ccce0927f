"""What becomes of the runs that are at work, all together: never one loop per run.

A run's own report ends it.  Where reports can be read cheaply they are looked for often; platforms are asked now and
then, in batches, for the runs that cannot report any more.  Which runs there are the queue says, so that whoever
starts next goes on where this process ended (D14).
"""

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import groupby

from toolkit.core.errors import AlError
from toolkit.core.parallel import at_once
from toolkit.core.run import Run, RunHandle, RunId, RunState
from toolkit.core.work import WorkItem

from .desk import Desk
from .ending import over
from .settle import overdue, settle

LOG = logging.getLogger("al.scheduler")
PARTS = 8  # in which the runs are looked at


class Watch:
    """Remembers the records of what runs, since only their ends are news."""

    def __init__(self, desk: Desk, holder: str, *, hold: float) -> None:
        self._desk, self._holder, self._hold = desk, holder, hold
        self._records: dict[RunId, Run] = {}

    def look(self, launching: Collection[RunId], *, ask: bool) -> int:
        """Record what is new, and end what is over; how many ended.  `ask`: platforms too.

        Those that are being launched are left alone."""
        items = {
            i.run: i for i in self._desk.services.ledger.queue.at_work() if i.run not in launching
        }
        self._records = {run: self._records[run] for run in items if run in self._records}
        runs = [run for item in items.values() if (run := self._record(item))]
        due = self._unsure(runs, items) if ask else runs
        # side by side, because concurrent writes of a ledger become durable together
        parts = [due[start::PARTS] for start in range(min(PARTS, len(due)))]
        return sum(at_once(lambda part: self._ended(part, items, ask=ask), parts, most=PARTS))

    def _ended(self, runs: Sequence[Run], items: Mapping[RunId, WorkItem], *, ask: bool) -> int:
        return sum(self._noted(items[run.id], run) for run in self._settled(runs, ask=ask))

    def _record(self, item: WorkItem) -> Run | None:
        """None for what is not launched yet."""
        known = self._records.get(item.run)
        if known is None or known.handle is None:
            known = self._desk.services.ledger.get(item.run)
        if known is None:
            self._desk.services.ledger.queue.done(item.run)
            return None
        self._records[item.run] = known
        return None if known.state is RunState.QUEUED else known

    def _unsure(self, runs: Sequence[Run], items: Mapping[RunId, WorkItem]) -> list[Run]:
        """All but those of which one batched answer of their platform says that they go on."""
        moment = self._desk.clock()
        going = {
            run
            for runtime, handles in _by_runtime(run.handle for run in runs if run.handle)
            for run in self._running(runtime, handles)
        }
        return [
            run
            for run in runs
            if run.id not in going or not items[run.id].started or overdue(run, moment)
        ]

    def _running(self, runtime: str, handles: Sequence[RunHandle]) -> list[RunId]:
        try:
            states = self._desk.services.runtime(runtime).states(handles)
        except AlError as error:
            LOG.warning("%s cannot be asked: %s", runtime, error.message)
            return [
                handle.run for handle in handles
            ]  # as if all went on: they are asked again soon
        return [run for run, status in states.items() if status.state is RunState.RUNNING]

    def _settled(self, runs: Sequence[Run], *, ask: bool) -> list[Run]:
        """One platform that refuses to answer does not keep the others."""
        settled: list[Run] = []
        for runtime, group in groupby(sorted(runs, key=lambda r: r.runtime), lambda r: r.runtime):
            try:
                settled += settle(self._desk.services, list(group), ask_platform=ask)
            except AlError as error:
                LOG.warning("what became of runs on %s cannot be told: %s", runtime, error.message)
        return settled

    def _noted(self, item: WorkItem, run: Run) -> bool:
        """Whether it is over."""
        queue = self._desk.services.ledger.queue
        self._records[run.id] = run
        if run.state.final:
            over(self._desk, run)
            self._records.pop(run.id, None)
        elif run.state is RunState.RUNNING and item.holder:
            queue.started(run.id, item.holder)
        elif run.handle and item.holder == self._holder:
            queue.renew(run.id, self._holder, seconds=self._hold, moment=self._desk.clock())
        return run.state.final


def _by_runtime(handles: Iterable[RunHandle]) -> list[tuple[str, list[RunHandle]]]:
    ordered = sorted(handles, key=lambda handle: handle.runtime)
    return [(name, list(group)) for name, group in groupby(ordered, lambda h: h.runtime)]
