"""Turns at backends, kept in the ledger: they hold across processes and machines, whoever launches.

One fact for all backends, so that a run which needs several gets them in one step.  Decides nothing: line.py does.
"""

import logging
from collections.abc import Callable, Collection
from datetime import datetime

from toolkit.core.errors import AlError, NotFound
from toolkit.core.ports import Ledger
from toolkit.core.run import RunId

from .facts import changed
from .line import (
    Asking,
    Lines,
    Standing,
    called_off,
    entered,
    from_fact,
    heard,
    left,
    silenced,
    standing,
    to_fact,
)

LOG = logging.getLogger("al.scheduler")
FACT = "backends"


def read(ledger: Ledger) -> Lines:
    """Nobody has or wants anything where nothing was ever kept."""
    try:
        return from_fact(ledger.fact(FACT))
    except NotFound:
        return {}


def enter(ledger: Ledger, asking: Asking, moment: datetime) -> Standing | None:
    """Take the run's places, or put it in the lines before them: then where it stands.  The same again changes nothing
    but its sign of life.  Raises Conflict where others change them without end."""
    if not asking.backends:
        return None
    lines = _change(ledger, lambda old: entered(old, asking, moment)[0])
    return standing(lines, asking.run, moment)


def leave(ledger: Ledger, *runs: RunId) -> None:
    """Give everything back.  Harmless for a run that has nothing."""
    _change(ledger, lambda old: left(old, *runs))


def call_off(ledger: Ledger, *runs: RunId) -> None:
    """They wait no longer.  What they have they keep: a run whose turn came just now may be beginning."""
    _change(ledger, lambda old: called_off(old, *runs))


def silence(ledger: Ledger, *runs: RunId) -> None:
    """They keep nobody back from now on, unless whoever waits with them asks again."""
    _change(ledger, lambda old: silenced(old, *runs))


def beat(ledger: Ledger, runs: Collection[RunId], moment: datetime) -> None:
    """They are alive, or are waited with."""
    _change(ledger, lambda old: heard(old, runs, moment))


def tidy(change: Callable[[], None]) -> None:
    """Take somebody out of the lines after something that is done already, and is no failure where this is one: whoever
    keeps house does the same within a minute."""
    try:
        change()
    except AlError as error:
        LOG.warning("some stand in line for a model's server for a while yet: %s", error.message)


def _change(ledger: Ledger, change: Callable[[Lines], Lines]) -> Lines:
    """Two who change it at once both succeed.  Raises Conflict as `changed` does."""
    return from_fact(changed(ledger, FACT, lambda fact: to_fact(change(from_fact(fact)))))
