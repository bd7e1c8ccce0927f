"""The ledger of an environment some of whose runs are in another one.

Queue, locks, calls, facts and the record of every run are the scheduler's own, `home`.  What a run's container reads and
writes, its mailbox, is where the container is.  There the run is recorded as well: so that nobody there takes its secret
for one that was left behind, and what is over is forgotten there, too.  Runtimes' names say which run is where (placement.py).
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from .errors import AlreadyExists, NotFound
from .placement import place_of
from .ports import Ledger
from .run import Mailbox, Run, RunId, RunState

MOST_KNOWN = 10_000  # runs whose place is remembered
_BOOKS = ("queue", "locks", "calls", "deliveries", "history")
# what is particular to the scheduler: its tokens are not good elsewhere, and nobody there answers its calls
_OWN: Mapping[str, Any] = {"token": "", "call": None, "delivery": None}


class SideBySide:
    """core.ports.Ledger.  `away` gives the ledger of an environment by its name.

    A change goes to where the run is first: who cannot reach it has changed nothing, and does it again.
    """

    def __init__(self, home: Ledger, away: Callable[[str], Ledger]) -> None:
        self._home, self._away = home, away
        # as attributes of its own, since Python looks for no others when a protocol is asked for
        self.__dict__.update({name: getattr(home, name) for name in _BOOKS if hasattr(home, name)})
        self._places: dict[RunId, str | None] = {}

    def __getattr__(self, name: str) -> Any:
        """All else is the one's here.  What is private is asked for of an object that is just being copied."""
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._home, name)

    def add(self, run: Run) -> None:
        self._home.add(run)
        self._remember(run)
        if place := place_of(run.runtime):
            self._copy(place, run)

    def update(self, run: RunId, **changes: Any) -> Run:
        place = place_of(changes["runtime"]) if "runtime" in changes else self._place(run)
        if place and (record := self._home.get(run)):
            self._update(place, record, changes)
        changed = self._home.update(run, **changes)
        self._remember(changed)
        return changed

    def mailbox(self, run: RunId) -> Mailbox:
        here = self._home.mailbox(run)
        if (place := self._place(run)) is None:
            return here
        try:
            there = self._away(place).mailbox(run)
        except NotFound:  # nothing was ever pushed there
            return here
        return replace(there, stop=there.stop or here.stop)

    def request_stop(self, run: RunId) -> None:
        """Here first: whoever is about to launch it looks here, before and after it says where the run is."""
        self._home.request_stop(run)
        if place := self._place(run):
            self._away(place).request_stop(run)

    def _update(self, place: str, record: Run, changes: Mapping[str, Any]) -> None:
        begins = changes.get("lease") is not None
        if begins and self._copy(place, replace(record, **changes)):
            return
        if not begins and record.state is RunState.QUEUED:
            return  # nobody there knows of it yet
        theirs = {name: value for name, value in changes.items() if name not in _OWN}
        try:
            self._away(place).update(record.id, **theirs)
        except NotFound:  # it is forgotten there already
            return

    def _copy(self, place: str, run: Run) -> bool:
        """Whether it was not known there: another attempt of the same run is."""
        try:
            self._away(place).add(replace(run, **_OWN))
        except AlreadyExists:
            return False
        return True

    def _place(self, run: RunId) -> str | None:
        if run not in self._places:
            record = self._home.get(run)
            if record is None:
                return None
            self._remember(record)
        return self._places.get(run)

    def _remember(self, run: Run) -> None:
        """Where it is, once that does not change any more."""
        if run.state is RunState.QUEUED:
            self._places.pop(run.id, None)
            return
        if len(self._places) >= MOST_KNOWN:
            self._places.clear()
        self._places[run.id] = place_of(run.runtime)
