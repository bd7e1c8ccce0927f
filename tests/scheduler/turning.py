"""Two agents whose models are at one server, and runs of them by a scheduler and by hand."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from tests.scheduler.stage import FOREVER, Stage, post, stage
from toolkit.core.agent import AgentName
from toolkit.core.run import Run, RunId, RunState, Trigger, TriggerKind
from toolkit.llm.backend import Backend
from toolkit.scheduler.dispatch import dispatch
from toolkit.scheduler.stopping import stop_run
from toolkit.scheduler.waiting import Queueing, wait_for_turn

GPU, CPU = Backend(id="http://127.0.0.1:8081"), Backend(id="cpu")
PLAYS = {"dev": FOREVER, "ops": FOREVER}


def shop(directory: Path, *, dev: Any = GPU, ops: Any = GPU, **more: Any) -> Stage:
    """Two agents, whose runs go on until they are stopped."""
    posts = (post("dev", backends=(dev,), scale=3), post("ops", backends=(ops,)))
    return stage(directory, *posts, **{"plays": PLAYS, **more})


def submitted(made: Stage, *agents: str) -> list[RunId]:
    """A run of each, one second after the other."""
    runs: list[RunId] = []
    for agent in agents:
        runs.append(made.submit(agent, TriggerKind.WEBHOOK))
        made.clock.sleep(1)
    return runs


def states(made: Stage, runs: list[RunId]) -> list[str]:
    return [made.get(run).state.value for run in runs]


def stop(made: Stage, run: RunId) -> None:
    stop_run(made.desk, made.get(run))


def pass_time(made: Stage, time: timedelta, loop: Any = None) -> None:
    """With a scheduler that looks every minute."""
    for _ in range(int(time / timedelta(minutes=1))):
        made.clock.sleep(60)
        made.step(loop)


def trigger(agent: str) -> Trigger:
    return Trigger(agent=AgentName(agent), kind=TriggerKind.MANUAL)


def how(made: Stage, heard: list[str], **more: Any) -> Queueing:
    """Waits on the stage's clock, and each time a scheduler has a look."""

    def sleep(seconds: float) -> None:
        made.clock.sleep(seconds)
        more.pop("then", lambda: None)()

    given = {name: value for name, value in more.items() if name != "then"}
    return Queueing(every=60, note=heard.append, sleep=sleep, clock=made.clock, **given)


def by_hand(made: Stage, agent: str, queueing: Queueing | None = None) -> Run:
    """As `al run` does it where no scheduler runs."""
    asked, waits = trigger(agent), queueing or how(made, [])

    def turn(run: Run) -> None:
        wait_for_turn(made.desk.services, run, asked, (GPU,), waits)

    return dispatch(made.desk.services, asked, turn=turn)


def recorded(made: Stage, agent: str) -> Run:
    """A run of which no platform knows anything."""
    made.ledger.queue.done(run := submitted(made, agent)[0])
    found: Run = made.ledger.update(run, state=RunState.STARTING)
    return found


def turns_of(made: Stage, run: Run) -> None:
    wait_for_turn(made.desk.services, run, trigger(run.agent), (GPU,), how(made, []))
