"""How work leaves its line without having been done, and what has to be recorded of its run before that."""

from dataclasses import replace

from toolkit.core.errors import AlreadyExists
from toolkit.core.run import Cause, Run, RunId, RunState
from toolkit.scheduler.ledgers import _codec as codec

from .entry import Entry, in_order
from .ground import Crossed, Ground, persistently
from .line import Line

FULL = "newer work took its place in a full queue"


class Leaving:
    """Whoever drops an item and dies leaves it marked, and whoever looks next does the rest."""

    def __init__(self, ground: Ground, line: Line) -> None:
        self._ground, self._line = ground, line

    def done(self, run: RunId) -> bool:
        """Take it out, wherever it is; whether it was there."""
        return persistently(lambda: self._gone(run))

    def _gone(self, run: RunId) -> bool:
        if (entry := self._line.find(run)) is None:
            return False
        self._line.move(entry, None)
        return True

    def recorded(self, run: Run) -> Run:
        """The run's record, which is made when there is none."""
        return self._ground.get(run.id) or self.record(run)

    def record(self, run: Run) -> Run:
        try:
            self._ground.add(run)
        except AlreadyExists:
            return self._ground.get(run.id) or run
        return run

    def make_room(self, agent: str, most: int, moment: str) -> tuple[RunId, ...]:
        """The runs that had to go for that."""
        dropped: list[RunId] = []
        while self._line.counts().waiting(agent) > most:
            try:
                if (gone := self._dropped(agent, most, moment)) is None:
                    break
            except Crossed:
                continue  # it was taken, or others dropped it: look again
            self.end(gone)
            dropped.append(gone.run)
        return tuple(dropped)

    def _dropped(self, agent: str, most: int, moment: str) -> Entry | None:
        """The oldest, which has to go.  It is looked up before it is counted: were it dropped by others in between, it
        could not be dropped once more, nor anything else in its stead."""
        if (oldest := self._oldest(agent)) is None:
            return None
        counts = self._line.counts()
        if counts.waiting(agent) <= most:
            return None
        gone = replace(oldest, dropped=moment)
        self._line.move(oldest, gone, counts)
        return gone

    def _oldest(self, agent: str) -> Entry | None:
        """Also of those whose time has not come."""
        waiting = [*self._line.delayed(agent), *self._line.heads(agent)]
        return next(iter(in_order(waiting)), None)

    def end(self, entry: Entry) -> None:
        """Of one that is marked."""
        self.recorded(codec.from_data(entry.record))
        self._ground.update(
            entry.run,
            state=RunState.FAILED,
            cause=Cause.DROPPED,
            reason=FULL,
            finished=entry.dropped,
        )
        self.done(entry.run)
