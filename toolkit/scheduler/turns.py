"""Turns at backends, kept in the ledger: they hold across processes and machines, whoever launches.

One fact for all backends, so that a run which needs several gets them in one step.  Decides nothing: line.py does.
"""

from collections.abc import Callable, Collection
from datetime import datetime

from toolkit.core.errors import NotFound
from toolkit.core.ports import Ledger
from toolkit.core.run import RunId

from .line import Asking, Lines, Standing, entered, from_fact, heard, left, standing, to_fact

FACT = "backends"


def read(ledger: Ledger) -> Lines:
    """Nobody has or wants anything where nothing was ever kept."""
    try:
        return from_fact(ledger.fact(FACT))
    except NotFound:
        return {}


def enter(ledger: Ledger, asking: Asking, moment: datetime) -> Standing | None:
    """Take the run's places, or put it in the lines before them: then where it stands.  The same again changes nothing
    but its sign of life."""
    if not asking.backends:
        return None
    lines = _change(ledger, lambda old: entered(old, asking, moment)[0])
    return standing(lines, asking.run, moment)


def leave(ledger: Ledger, run: RunId) -> None:
    """Give everything back.  Harmless for a run that has nothing."""
    _change(ledger, lambda old: left(old, run))


def beat(ledger: Ledger, runs: Collection[RunId], moment: datetime) -> None:
    """They are alive, or are waited with."""
    _change(ledger, lambda old: heard(old, runs, moment))


def _change(ledger: Ledger, change: Callable[[Lines], Lines]) -> Lines:
    """Two who change it at once both succeed: each repeats until nobody came between."""
    while True:
        fact = ledger.fact(FACT)
        lines = change(from_fact(fact))
        if (new := to_fact(lines)) == fact or ledger.set_fact(FACT, new, expected=fact):
            return lines
