"""What a user does to what runs: pause, disable, scale, start by hand, end.  The same for the gateway and for a verb
that has none: it turns switches, queues work and asks runs to stop; whoever schedules acts on it."""

from collections.abc import Sequence
from functools import partial

from toolkit.core.agent import AgentName
from toolkit.core.errors import NotFound
from toolkit.core.parallel import at_once
from toolkit.core.run import RunId, Trigger, TriggerKind
from toolkit.core.sources import reported

from . import switches, turns, usher
from .desk import Desk
from .rooms import open_rooms
from .status import begun, going_on
from .stopping import stop_run
from .submit import submit
from .switches import Switches

SIDE_BY_SIDE = 16  # runs that are ended at the same time: each may take its platform half a minute
MOST_SCALE = 1_000  # runs of one agent, or of all, at once


def pause(desk: Desk) -> Switches:
    """Nothing starts any more; what runs goes on, and webhooks wait."""
    return _dismissed(desk, switches.pause(desk.services.ledger))


def resume(desk: Desk) -> Switches:
    """What has waited starts, as far as there is room."""
    return _turned(desk, switches.resume(desk.services.ledger))


def disable(desk: Desk, agent: str) -> Switches:
    """As `pause`, of one agent.  Raises NotFound."""
    return _turned(desk, switches.disable(desk.services.ledger, desk.roster().post(agent).agent))


def enable(desk: Desk, agent: str) -> Switches:
    """Raises NotFound."""
    return _turned(desk, switches.enable(desk.services.ledger, desk.roster().post(agent).agent))


def scale(desk: Desk, agent: str, most: int) -> Switches:
    """How many runs of the agent at once, from now on.  Raises NotFound."""
    post = desk.roster().post(agent)
    return _turned(desk, switches.set_scale(desk.services.ledger, post.agent, most))


def scale_all(desk: Desk, most: int) -> Switches:
    """How many runs at once, of all agents."""
    return _turned(desk, switches.set_total(desk.services.ledger, most))


def start(
    desk: Desk,
    agent: str,
    prompt: str | None,
    *,
    llm_provider: str | None = None,
    llm_model: str | None = None,
) -> RunId:
    """Queue a run by hand; its id, which it keeps.

    Raises NotFound and Conflict, and what is wrong with a model that is asked for: ConfigError, CredentialError."""
    trigger = Trigger(
        agent=AgentName(agent),
        kind=TriggerKind.MANUAL,
        prompt=prompt or None,
        llm_provider=llm_provider or None,
        llm_model=llm_model or None,
    )
    if trigger.names_model:
        desk.models(trigger)  # what cannot work is said before it waits in a queue
    return submit(desk, trigger).run


def kill(desk: Desk, run: RunId) -> str:
    """End one run, also one that waits or is being launched; how, in a sentence.

    Raises NotFound for one that is unknown or over."""
    record = desk.services.ledger.get(run)
    record = reported(record, desk.services.ledger) if record else None
    if record is None or record.state.final:
        how = f": it {record.state.value}" if record else ""
        raise NotFound(f"{run} is not running{how}", hint="`al stat` shows what runs")
    return stop_run(desk, record)


def kill_all(desk: Desk, agent: str) -> Sequence[RunId]:
    """End all runs of the agent that were launched or are being launched; those in the queue stay.  Raises NotFound."""
    name = desk.roster().post(agent).agent
    going = begun(going_on(desk.services.ledger, name))
    for run in going:  # all know of it, also when a platform refuses one
        desk.services.ledger.request_stop(run.id)
    at_once(partial(stop_run, desk), going, most=SIDE_BY_SIDE)
    return [run.id for run in going]


def asked(count: int, agent: str) -> str:
    """What `kill_all` did, as whoever asked for it is told."""
    if count == 0:
        return f"{agent} is not running"
    return f"asked {count} run{'s' if count > 1 else ''} of {agent} to end"


def _turned(desk: Desk, now: Switches) -> Switches:
    """Who schedules looks at once: somebody else may start now."""
    _dismissed(desk, now)
    desk.wake()
    return now


def _dismissed(desk: Desk, now: Switches) -> Switches:
    """Who may not start any more keeps nobody back."""
    turns.tidy(lambda: usher.dismiss_the_unwanted(desk.services.ledger, open_rooms(desk).agents))
    return now
