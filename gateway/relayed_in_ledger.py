"""Lines that runs have sent directly, where each request may meet another process: in one fact of the ledger per run.

A write costs, so lines are kept only while somebody follows the run: followers say so for the next half minute, and a
batch that nobody waits for is read and dropped.  A container sends one batch a second here, and the fact is replaced by
the newest lines, some 16 KiB: so a follower costs at most 17 writes of 1 KiB a second, and usually one or two.  Whoever
begins to follow a run that nobody has followed is served by the log service until it has caught up with the first batch.
"""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from toolkit.core.errors import AlError
from toolkit.core.ports import Ledger
from toolkit.core.run import RunId

from .relayed import Line, RelayedLines, RunLines
from .shared import Shared

LOG = logging.getLogger("al.gateway")
FACT = "relayed/"
WATCHED, RENEWED = (
    30,
    15,
)  # seconds that a follower is believed in, and with how many left it says so again
LEFT = 300  # seconds after which what nobody follows is removed
ROOM = 16 * 1024  # bytes of lines, or as many as the newest batch has
EVERY = 1.0  # seconds between two batches


class RelayedInLedger:
    """As RelayedLines, for a gateway of many processes."""

    every = EVERY

    def __init__(self, ledger: Ledger, *, clock: Callable[[], float] = time.time) -> None:
        self._ledger, self._clock = ledger, clock
        self._shared = Shared()

    def of(self, run: RunId) -> RunLines:
        """What is there, and somebody waits for more.  Nothing when the ledger refuses: the log service has it too."""
        try:
            return self._shared.get(("relayed", run), lambda: self._looked(run), lambda _: True)
        except AlError as error:
            LOG.warning("lines of %s cannot be looked for: %s", run, error.message)
            return RunLines()

    def add(self, run: RunId, lines: Sequence[Line]) -> None:
        """Keeps them when somebody follows the run.  Of two who write at once one is late: its lines come from the log
        service."""
        known = self._ledger.fact(FACT + run)
        if lines and known is not None and known["until"] > self._clock():
            kept = _newest(known["lines"], lines)
            self._ledger.set_fact(FACT + run, {**known, "lines": kept}, expected=known)

    def say(self, run: RunId, status: str) -> None:
        """Nothing: where the ledger is in reach of all, containers write it into their mailbox."""

    def said(self) -> dict[RunId, str]:
        return {}

    def _looked(self, run: RunId) -> RunLines:
        known = self._ledger.fact(FACT + run)
        self._wait_for(run, known)
        found = RelayedLines()
        found.add(run, known["lines"] if known else ())
        return found.of(run)

    def _wait_for(self, run: RunId, known: Mapping[str, Any] | None) -> None:
        moment = int(self._clock())
        if known is not None and known["until"] - moment > RENEWED:
            return
        if known is None:
            self._make_room(moment)
        lines = known["lines"] if known else []
        fact = {"until": moment + WATCHED, "lines": lines}
        self._ledger.set_fact(FACT + run, fact, expected=known)

    def _make_room(self, moment: int) -> None:
        """Forget what nobody follows any more."""
        for key, fact in self._ledger.facts(FACT).items():
            if fact["until"] + LEFT < moment:
                self._ledger.set_fact(key, None)


def _newest(old: Sequence[Line], new: Sequence[Line]) -> list[Line]:
    kept, size = list(new), sum(map(_size, new))
    for line in reversed(old):
        size += _size(line)
        if size > ROOM:
            break
        kept.insert(0, line)
    return kept


def _size(line: Line) -> int:
    return sum(len(str(value)) + len(key) + 6 for key, value in line.items())
