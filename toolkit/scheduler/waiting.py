"""A run that somebody starts by hand where no scheduler runs: it waits for its turn at its model's server, in the same lines
as the work of schedulers.  Whoever waits here also asks after the others, since nobody else may be there to."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from toolkit.core.clock import now
from toolkit.core.errors import BackendBusy
from toolkit.core.run import Run, RunId, Trigger
from toolkit.llm.backend import Backend
from toolkit.wiring import Services

from . import usher
from .line import Standing
from .starts import StoppedBefore


@dataclass(frozen=True, slots=True, kw_only=True)
class Queueing:
    """How somebody waits, in seconds: at most, between two looks, and between two looks after the others.  `note` hears
    where the run stands."""

    seconds: float = 3600.0
    every: float = 2.0
    care: float = 30.0
    note: Callable[[str], None] = lambda _: None
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], datetime] = now


def wait_for_turn(
    services: Services, run: Run, trigger: Trigger, backends: tuple[Backend, ...], how: Queueing
) -> None:
    """Returns when the run has its turn at all of them, which it keeps until it is over.

    Raises BackendBusy when that takes too long, and StoppedBefore for a run that somebody stops meanwhile.
    """
    told: tuple[int, tuple[RunId, ...]] | None = None
    cared: datetime | None = None
    while standing := usher.let_in(services.ledger, run, trigger, backends, how.clock()):
        moment = how.clock()
        _check(services, run, standing, moment, how.seconds)
        if told != (news := _news(standing)):
            how.note(f"• {run.id} {usher.in_words(standing, moment)}")
            told = news
        if cared is None or moment - cared >= timedelta(seconds=how.care):
            usher.clear(services, (), moment)
            usher.dismiss_the_gone(services, moment)
            cared = moment
        how.sleep(how.every)
    _refuse_stopped(services, run)


def _check(
    services: Services, run: Run, standing: Standing, moment: datetime, seconds: float
) -> None:
    _refuse_stopped(services, run)
    if usher.is_too_long(standing, seconds, moment):
        raise BackendBusy(
            f"{run.id}: {usher.too_long(standing, moment)}",
            hint="try again later; `al stat` shows who has it, and maxParallel of the model lets more in",
        )


def _refuse_stopped(services: Services, run: Run) -> None:
    if services.ledger.mailbox(run.id).stop:
        raise StoppedBefore(f"{run.id} was stopped while it waited", hint="run it again")


def _news(standing: Standing) -> tuple[int, tuple[RunId, ...]]:
    return standing.position, tuple(place.run for place in standing.holders)
