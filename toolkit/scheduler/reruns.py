"""Runs that ask to be run again (exit code 42): another run of the same kind, with an id of its own."""

import logging

from toolkit.core.errors import AlError
from toolkit.core.placement import place_of
from toolkit.core.run import RERUN, Run, RunState, Trigger, TriggerKind

from . import switches
from .desk import Desk
from .roster import Roster
from .submit import submit
from .switches import Switches

LOG = logging.getLogger("al.scheduler")
# a webhook or a call asked for one answer, and has got it
KINDS = (TriggerKind.SCHEDULE, TriggerKind.MANUAL)


def wanted(run: Run, roster: Roster, turned: Switches) -> Trigger | None:
    """What the run asks for, or None.  Pure.  A user's prompt was for the first one, and is not repeated."""
    if run.state is not RunState.SUCCEEDED or run.exit_code != RERUN or run.trigger not in KINDS:
        return None
    number, most = run.rerun + 1, roster.max_reruns
    off = run.agent in turned.disabled or turned.scale(roster, run.agent) == 0
    if off or number > most:
        return None
    source = f"rerun {number}/{most}"
    return Trigger(agent=run.agent, kind=run.trigger, source=source, rerun=number)


def follow(desk: Desk, run: Run) -> None:
    """Queue what it asks for; once, however often this is called."""
    if run.exit_code != RERUN or place_of(run.runtime) == desk.services.environment.name:
        return  # the latter is the work of another environment's scheduler, which runs it again itself
    trigger = wanted(run, desk.roster(), switches.read(desk.services.ledger))
    if trigger is None:
        if run.trigger in KINDS:
            LOG.warning(
                "%s asked to be run again, and is not: it is off, or has had its reruns", run.id
            )
        return
    try:
        submit(desk, trigger, origin=f"{run.id} again")  # one rerun, whoever asks
    except AlError as error:  # its agent has gone meanwhile: the run has ended all the same
        LOG.warning("%s asked to be run again, and is not: %s", run.id, error.message)
