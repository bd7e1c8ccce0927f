"""A run's turn at its model's server, for whoever starts or follows one: how it waits, what it hears, and its heartbeat."""

import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from toolkit.core.agent import Agent
from toolkit.core.clock import now
from toolkit.core.errors import Conflict, Throttled, Unreachable
from toolkit.core.run import Run, RunModels, RunState, Trigger
from toolkit.llm.backend import Backend, backends_of
from toolkit.scheduler import turns, usher
from toolkit.scheduler.line import HEARTBEAT
from toolkit.scheduler.waiting import Queueing, wait_for_turn
from toolkit.wiring import Services

NEAR, FAR = (
    0.5,
    5.0,
)  # seconds between two looks at this machine's ledger, and at one whose looks cost money


def turn_for(
    services: Services,
    agent: Agent,
    models: RunModels | None,
    trigger: Trigger,
    *,
    note: Callable[[str], None],
) -> Callable[[Run], None] | None:
    """What waits until a run of the agent may begin; None where its models bear any number of them."""
    if not (backends := _backends(agent, models)):
        return None
    settings = services.project.settings if services.project else {}
    near = services.environment.cloud is None
    every = NEAR if near else FAR
    most = float(settings.get("backendWait", 3600))
    how = Queueing(seconds=most, every=every, care=4 * every, note=note)
    return partial(_wait, services, trigger, backends, how)


def _wait(
    services: Services,
    trigger: Trigger,
    backends: tuple[Backend, ...],
    how: Queueing,
    run: Run,
) -> None:
    wait_for_turn(services, run, trigger, backends, how)


def _backends(agent: Agent, models: RunModels | None) -> tuple[Backend, ...]:
    if models is not None:
        return backends_of(model for model, _ in models.models)
    return () if agent.script else backends_of(agent.models)


def tell_while_queued(
    services: Services,
    run: Run,
    *,
    note: Callable[[str], None],
    sleep: Callable[[float], None] = time.sleep,
) -> Run:
    """Says where a run stands that waits for its turn, each time that changes; returns when it waits no longer for
    anything, with its record as it is then."""
    told: object = None
    every = NEAR if services.environment.cloud is None else FAR
    record = services.ledger.get(run.id) or run
    while record.state is RunState.QUEUED:
        place = usher.stands(services.ledger, run.id, now())
        news = (place.position, *(holder.run for holder in place.holders)) if place else None
        if place and news != told:
            note(f"• {record.id} {usher.in_words(place, now())}")
        told = news
        sleep(every)
        record = services.ledger.get(run.id) or record
    return record


def beating(
    services: Services,
    run: Run,
    *,
    sleep: Callable[[float], None],
    clock: Callable[[], float] = time.monotonic,
) -> Callable[[float], None]:
    """`sleep`, and every two minutes a sign that somebody watches the run: it keeps its turn without being asked after."""
    last = clock()

    def slept(seconds: float) -> None:
        nonlocal last
        sleep(seconds)
        if clock() - last >= HEARTBEAT.total_seconds():
            last = clock()
            with suppress(Unreachable, Throttled, Conflict):  # the next one may get through
                turns.beat(services.ledger, (run.id,), now())

    return slept
