"""What becomes of the runs that are at work, all together: never one loop per run.

A run's own report ends it.  Where reports can be read cheaply they are looked for often; platforms are asked now and
then, in batches, for the runs that cannot report any more.  Which runs there are the queue says, so that whoever
starts next goes on where this process ended (D14).
"""

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import groupby

from toolkit.core.errors import AlError
from toolkit.core.parallel import at_once
from toolkit.core.placement import place_of
from toolkit.core.run import Run, RunHandle, RunId, RunState
from toolkit.core.work import WorkItem
from toolkit.wiring import Services

from .desk import Desk
from .ending import over
from .settle import overdue, settle

LOG = logging.getLogger("al.scheduler")
PARTS = 8  # in which the runs are looked at
BRIEFLY = 5.0  # seconds that a store of secrets is tried for: at the next look it is tried again
FAR = timedelta(seconds=10)  # between two looks at what runs in another environment's cloud


class Watch:
    """Remembers the records of what runs, since only their ends are news."""

    def __init__(self, desk: Desk, holder: str, *, hold: float) -> None:
        self._desk, self._holder, self._hold = desk, holder, hold
        self._records: dict[RunId, Run] = {}
        self._asked: dict[
            str, datetime
        ] = {}  # when runs in another environment's cloud were last looked at

    def look(self, launching: Collection[RunId], *, ask: bool) -> int:
        """Record what is new, and end what is over; how many ended.  `ask`: platforms too.

        Those that are being launched are left alone."""
        items = {
            i.run: i for i in self._desk.services.ledger.queue.at_work() if i.run not in launching
        }
        self._records = {run: self._records[run] for run in items if run in self._records}
        known = [run for item in items.values() if (run := self._record(item))]
        runs = self._within_reach(known, ask=ask)
        due = self._unsure(runs, items) if ask else runs
        # side by side, because concurrent writes of a ledger become durable together
        parts = [due[start::PARTS] for start in range(min(PARTS, len(due)))]
        return sum(at_once(lambda part: self._ended(part, items, ask=ask), parts, most=PARTS))

    def _ended(self, runs: Sequence[Run], items: Mapping[RunId, WorkItem], *, ask: bool) -> int:
        settled = settled_apart(self._desk.services, runs, ask=ask)
        return sum(self._noted(items[run.id], run) for run in settled)

    def _within_reach(self, runs: Sequence[Run], *, ask: bool) -> list[Run]:
        """All but those in another environment's cloud that was asked a moment ago, as each look there is a call that
        somebody pays for; and those where nobody can ask from here."""
        moment = self._desk.clock()
        places = {place_of(run.runtime) for run in runs}
        due = {place for place in places if self._place_due(place, moment, ask=ask)}
        return [run for run in runs if place_of(run.runtime) in due]

    def _place_due(self, place: str | None, moment: datetime, *, ask: bool) -> bool:
        services = self._desk.services
        if place is None or not services.reaches(place):
            return place is None
        if services.at(place).environment.here:
            return ask or services.at(place).environment.cloud is None
        last = self._asked.get(place)
        if not ask or (last is not None and timedelta() <= moment - last < FAR):
            return False
        self._asked[place] = moment
        return True

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
            run for runtime, handles in _by_runtime(runs) for run in self._running(runtime, handles)
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


def settled_apart(services: Services, runs: Sequence[Run], *, ask: bool) -> list[Run]:
    """As `settle`, runtime by runtime: one platform that refuses to answer does not keep the others."""
    settled: list[Run] = []
    for runtime, group in groupby(sorted(runs, key=lambda r: r.runtime), lambda r: r.runtime):
        try:
            settled += settle(services, list(group), ask_platform=ask, seconds=BRIEFLY)
        except AlError as error:
            LOG.warning("what became of runs on %s cannot be told: %s", runtime, error.message)
    return settled


def _by_runtime(runs: Iterable[Run]) -> list[tuple[str, list[RunHandle]]]:
    """By the name in the records, which also says in which environment it is."""
    grouped: dict[str, list[RunHandle]] = {}
    for run in runs:
        if run.handle:
            grouped.setdefault(run.runtime, []).append(run.handle)
    return list(grouped.items())
