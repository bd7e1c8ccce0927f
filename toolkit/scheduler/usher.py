"""Sees to the turns at backends: who may begin, who has left without a word, who has waited for too long.

A run is let in before anything of it is launched, so that none waits where waiting is paid for.  What waits stays in the
queue.  Whoever has a backend and is silent is asked after; only one that nobody can find loses it.
"""

import logging
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from toolkit.core.clock import from_iso, iso
from toolkit.core.errors import AlError, BackendBusy
from toolkit.core.ports import Ledger
from toolkit.core.run import Cause, Run, RunId, RunState, Trigger, TriggerKind
from toolkit.llm.backend import Backend
from toolkit.wiring import Services

from . import turns
from .line import (
    HEARTBEAT,
    STALE,
    UNSEEN,
    Asking,
    Place,
    Standing,
    holders,
    kept_back,
    standing,
    stuck,
    waiters,
)
from .settle import settle
from .stopping import UNSTARTED

LOG = logging.getLogger("al.scheduler")
DOUBT = HEARTBEAT * 1.5  # without a sign of life: its platform is asked
GONE = "whoever started it by hand ended while it waited for its model's server"


def let_in(
    ledger: Ledger,
    run: Run,
    trigger: Trigger,
    backends: tuple[Backend, ...],
    moment: datetime,
) -> Standing | None:
    """None when it has its turn; else where it stands, which the log hears once.

    Raises BackendBusy for a called run that could never begin, because callers would wait for each other."""
    caller = trigger.source if trigger.kind is TriggerKind.CALL else None
    asking = Asking(
        run=run.id,
        created=run.created,
        backends=backends,
        caller=RunId(caller) if caller else None,
    )
    place = turns.enter(ledger, asking, moment)
    if place and asking.caller and run.id in stuck(turns.read(ledger), moment):
        turns.leave(ledger, run.id)
        raise _stuck(run, place)
    if place and place.since == iso(moment):
        LOG.info("%s %s", run.id, in_words(place, moment))
    return place


def _stuck(run: Run, place: Standing) -> BackendBusy:
    who = ", ".join(holder.run for holder in place.holders)
    return BackendBusy(
        f"backend-busy: {run.id} would wait for {place.backend}, which {who} has, and that waits for its caller",
        hint="raise maxParallel of one of the models, or let one agent do both",
    )


def in_words(standing: Standing, moment: datetime) -> str:
    """Where it stands, and behind whom."""
    has = ", ".join(
        f"{place.run} has it for {_span(moment - from_iso(place.since))}"
        for place in standing.holders
    )
    waited = _span(moment - from_iso(standing.since))
    who = f"; {has}" if has else ""
    return f"waits for {standing.backend}: number {standing.position} in line, for {waited}{who}"


def kept_back_agents(ledger: Ledger, moment: datetime) -> dict[str, int]:
    """Agents of which some run waits for its turn at a backend, and how many of them may be at work for now: those that
    have their turn, and those whose turn it is."""
    lines = turns.read(ledger)
    back = kept_back(lines, moment)
    may = [run.agent for run in {**holders(lines), **waiters(lines)} if run not in back]
    return {str(agent): may.count(agent) for agent in {run.agent for run in back}}


def clear(services: Services, at_work: Collection[RunId], moment: datetime) -> None:
    """Free the places of those that are over or lost.  `at_work` are looked after by somebody else."""
    for run, place in holders(turns.read(services.ledger)).items():
        record = services.ledger.get(run)
        if record is None or record.state.final:
            turns.leave(services.ledger, run)
        elif run in at_work:
            turns.beat(services.ledger, (run,), moment)
        else:
            _ask_after(services, record, place, moment)


def dismiss_the_gone(services: Services, moment: datetime) -> None:
    """Take out of the lines who is over, or whom nobody has asked for any more for a while."""
    for run, place in waiters(turns.read(services.ledger)).items():
        record = services.ledger.get(run)
        if record is None or record.state.final:
            turns.leave(services.ledger, run)
        elif place.silent(moment) >= UNSEEN:
            turns.leave(services.ledger, run)
            _end_if_nobodys(services, record, moment)


def queued(ledger: Ledger) -> list[Place]:
    """Those that wait for a scheduler to take them.  Who was started by hand sees to itself, and who is being launched is
    about to begin."""
    found = ((place, ledger.queue.get(run)) for run, place in waiters(turns.read(ledger)).items())
    return [place for place, item in found if item and item.holder is None and not item.started]


def dismiss_the_unwanted(ledger: Ledger, wanted: Collection[str]) -> None:
    """Take work of all other agents out of the lines, where it would keep others back: it comes back by its age."""
    if gone := [place.run for place in queued(ledger) if place.run.agent not in wanted]:
        turns.call_off(ledger, *gone)


def hush(ledger: Ledger) -> None:
    """Nobody takes what waits for a while: it keeps its place and its time, and keeps nobody back."""
    if waiting := [place.run for place in queued(ledger)]:
        turns.silence(ledger, *waiting)


def stands(ledger: Ledger, run: RunId, moment: datetime) -> Standing | None:
    """Where a run stands that waits for its turn; None for every other."""
    return standing(turns.read(ledger), run, moment)


def is_too_long(standing: Standing, seconds: float, moment: datetime) -> bool:
    return moment - from_iso(standing.since) >= timedelta(seconds=seconds)


def too_long(standing: Standing, moment: datetime) -> str:
    """Why a run that has waited for as long as it may is given up."""
    waited = _span(moment - from_iso(standing.since))
    return f"backend-busy: it waited {waited} for its turn at {standing.backend}"


def _ask_after(services: Services, run: Run, place: Place, moment: datetime) -> None:
    """One that is silent and alive keeps its place: nobody watches it, and it works all the same."""
    silent = place.silent(moment)
    known = _settled(services, run, ask=silent >= DOUBT)
    if known.state.final:
        turns.leave(services.ledger, run.id)
    elif silent >= DOUBT and _lives(services, known):
        turns.beat(services.ledger, (run.id,), moment)
    elif silent >= STALE:
        turns.leave(services.ledger, run.id)
        LOG.warning(
            "%s has lost its turn at its model's server: no sign of life for %s, since it began at %s",
            run.id, _span(silent), place.since,
        )  # fmt: skip
        _end_if_nobodys(services, known, moment)


def _settled(services: Services, run: Run, *, ask: bool) -> Run:
    """As it has reported itself, or as its platform says."""
    try:
        (known,) = settle(services, [run], ask_platform=ask)
    except AlError as error:
        LOG.warning("%s cannot be asked after: %s", run.id, error.message)
        return run
    return known


def _lives(services: Services, run: Run) -> bool:
    """Whether its platform says so now."""
    if run.handle is None:
        return False
    try:
        status = services.runtime(run.runtime).states([run.handle]).get(run.id)
    except AlError as error:
        LOG.warning("%s cannot be asked after: %s", run.id, error.message)
        return False
    return status is not None and not status.state.final


def _end_if_nobodys(services: Services, run: Run, moment: datetime) -> None:
    """A run that waits without work in the queue is started by nobody once its starter is gone."""
    ledger = services.ledger
    if run.state is not RunState.QUEUED or ledger.queue.get(run.id) is not None:
        return
    if ledger.mailbox(run.id).stop:
        end: dict[str, Any] = {"state": RunState.STOPPED, "reason": UNSTARTED}
    else:
        end = {"state": RunState.FAILED, "cause": Cause.NEVER_STARTED, "reason": GONE}
    ledger.update(run.id, finished=iso(moment), **end)


def _span(time: timedelta) -> str:
    seconds = max(0, round(time.total_seconds()))
    if seconds < 60:
        return f"{seconds} s"
    minutes = seconds // 60
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
