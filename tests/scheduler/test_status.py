"""What goes on, from the books alone."""

from dataclasses import replace

import pytest

from tests.fakes import FakeClock, MemoryLedger
from tests.gateway.shop import ROSTER
from toolkit.core.agent import AgentName
from toolkit.core.clock import iso
from toolkit.core.errors import NotFound
from toolkit.core.run import Run, RunId, RunState, Trigger, TriggerKind
from toolkit.core.work import Rooms, WorkItem
from toolkit.llm.backend import Backend
from toolkit.scheduler import status, switches, turns
from toolkit.scheduler.cron import next_start
from toolkit.scheduler.line import Asking
from toolkit.scheduler.status import MOST_ACTIVE, RECENT, State, look, standing

DEV = AgentName("dev")


def add(ledger: MemoryLedger, clock: FakeClock, name: str, **changes: object) -> Run:
    run = Run(
        id=RunId(name),
        agent=RunId(name).agent,
        runtime="memory",
        trigger=TriggerKind.MANUAL,
        created=iso(clock()),
    )
    made = replace(run, **changes)  # type: ignore[arg-type]
    ledger.add(made)
    clock.sleep(1)
    return made


def queue(ledger: MemoryLedger, clock: FakeClock, count: int) -> None:
    for number in range(count):
        run = Run(
            id=RunId(f"dev-{number:08x}"),
            agent=DEV,
            runtime="memory",
            trigger=TriggerKind.WEBHOOK,
            created=iso(clock()),
        )
        trigger = Trigger(agent=DEV, kind=run.trigger)
        item = WorkItem(run=run.id, trigger=trigger, created=run.created)
        ledger.queue.add(run, item, most=count)
        clock.sleep(1)


def test_what_runs_is_seen_behind_a_long_queue() -> None:
    """The oldest of very many active runs is the one that runs."""
    ledger, clock = MemoryLedger(), FakeClock()
    queue(ledger, clock, MOST_ACTIVE + 2)
    first = ledger.queue.take("me", Rooms(agents={"dev": 1}), seconds=60, moment=clock())
    assert first is not None
    ledger.queue.started(first.run, "me")
    ledger.update(first.run, state=RunState.RUNNING)
    seen = look(ledger, ROSTER, clock())
    assert [run.id for run in status.instances(seen)] == [first.run]
    assert standing(seen, "dev", next_start).queued == MOST_ACTIVE + 1


def test_an_agents_state_is_that_of_its_last_run() -> None:
    """Running while one does, else an error until the next success."""
    ledger, clock = MemoryLedger(), FakeClock()
    states = []
    for number, state in enumerate((RunState.FAILED, RunState.RUNNING, RunState.SUCCEEDED)):
        finished = iso(clock()) if state.final else None
        add(ledger, clock, f"dev-0000000{number}", state=state, finished=finished)
        states.append(standing(look(ledger, ROSTER, clock()), "dev", next_start).state)
        ledger.update(RunId(f"dev-0000000{number}"), state=RunState.FAILED, finished=iso(clock()))
    assert states == [State.ERROR, State.RUNNING, State.IDLE]


def test_a_turn_ends_with_its_run_for_whoever_looks() -> None:
    """Though nobody has closed it yet, as after a kill where no scheduler works."""
    ledger, clock = MemoryLedger(), FakeClock()
    run = add(ledger, clock, "dev-00000001", state=RunState.RUNNING, finished=None)
    gpu = Backend(id="gpu", limit=1)
    turns.enter(ledger, Asking(run=run.id, created=run.created, backends=(gpu,)), clock())
    assert list(look(ledger, ROSTER, clock()).lines) == ["gpu"]
    ledger.update(run.id, state=RunState.STOPPED, finished=iso(clock()))
    assert look(ledger, ROSTER, clock()).lines == {}


def test_a_quiet_agents_last_run_is_found_behind_a_busy_one() -> None:
    """However many runs another agent has had since."""
    ledger, clock = MemoryLedger(), FakeClock()
    old = add(ledger, clock, "ops-00000001", state=RunState.SUCCEEDED, finished=iso(clock()))
    for number in range(RECENT):
        add(ledger, clock, f"dev-{number:08x}", state=RunState.SUCCEEDED, finished=iso(clock()))
    assert standing(look(ledger, ROSTER, clock()), "ops", next_start).last == old


def test_a_next_run_is_promised_only_where_one_will_be() -> None:
    """Not while all is paused, nor of an agent that is disabled or has the scale 0."""
    ledger, clock = MemoryLedger(), FakeClock()

    def next_run() -> object:
        return standing(look(ledger, ROSTER, clock()), "dev", next_start).next_run

    assert next_run() is not None
    switches.pause(ledger)
    assert next_run() is None
    switches.resume(ledger)
    switches.disable(ledger, "dev")
    assert next_run() is None
    switches.enable(ledger, "dev")
    switches.set_scale(ledger, "dev", 0)
    assert next_run() is None


def test_an_unknown_agent_has_no_standing() -> None:
    """The error names the known ones."""
    with pytest.raises(NotFound):
        standing(look(MemoryLedger(), ROSTER, FakeClock()()), "nobody", next_start)
