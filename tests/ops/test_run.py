"""One run from the command's side: stopping it, watching it, and what a start that is interrupted says."""

from pathlib import Path
from typing import Any

import pytest

from tests.fakes import FakeClock, MemoryLedger, MemoryRuntime, MemoryStore, Play
from tests.services import FakeServices
from toolkit.commands._app import App, Exit
from toolkit.commands.run import _started
from toolkit.core.agent import Agent, AgentName, Project
from toolkit.core.errors import Unreachable
from toolkit.core.run import Mailbox, RunId, RunState, Trigger, TriggerKind
from toolkit.llm.candidates import Flags
from toolkit.ops import launch
from toolkit.ops import run as runs
from toolkit.scheduler import switches
from toolkit.scheduler.dispatch import Definition, dispatch, fact_key

DEV = Trigger(agent=AgentName("dev"), kind=TriggerKind.MANUAL)


def services(
    directory: Path, runtime: type[MemoryRuntime], ledger: MemoryLedger | None = None
) -> Any:
    """A project with the pushed agent `dev`, whose runs go on until they are stopped."""
    kept, store = ledger or MemoryLedger(), MemoryStore()
    play = {"dev": Play(exit_code=None)}
    agent = Agent(name=AgentName("dev"), directory=directory, instructions="")
    project = Project(name="shop", directory=directory, agents=(agent,))
    stage = runtime(play, ledger=kept, store=store, clock=FakeClock())
    made = FakeServices(directory, project, ledger=kept, store=store, runtime=stage)
    definition = Definition(
        agent="dev", runtime="memory", ref="dev:1", image="i", hash="h", timeout=60
    )
    kept.set_fact(fact_key("dev"), definition.to_fact())
    return made


class Interrupted(MemoryRuntime):
    """Ctrl-C comes when the run has started and before its launcher hears of it."""

    def launch(self, spec: Any) -> Any:
        super().launch(spec)
        raise KeyboardInterrupt


def test_a_start_that_is_interrupted_names_its_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody is told to run the same command again, which would start another run."""
    made = services(tmp_path, Interrupted)
    with pytest.raises(Exit) as caught:
        _started(App(), made, "dev", None, Flags(), note=App().ui.note)
    (run,) = made.ledger.runs()
    shown = capsys.readouterr().err
    assert (caught.value.code, f"`al logs {run.id}`" in shown) == (130, True)
    assert "again" not in shown


def test_a_pause_is_named_and_keeps_nobody_from_starting_a_run_by_hand(tmp_path: Path) -> None:
    """It is for what starts by itself."""
    made, notes = services(tmp_path, MemoryRuntime), list[str]()
    switches.pause(made.ledger)
    run = launch.start(made, "dev", None, note=notes.append)
    assert run.handle is not None
    assert "• all is paused; what you start by hand runs all the same" in notes


def test_that_an_agent_is_disabled_is_said_and_keeps_nobody_from_starting_it(
    tmp_path: Path,
) -> None:
    """Somebody who has forgotten it learns why its schedule is quiet."""
    made, notes = services(tmp_path, MemoryRuntime), list[str]()
    switches.disable(made.ledger, "dev")
    launch.start(made, "dev", None, note=notes.append)
    assert "• dev is paused; what you start by hand runs all the same" in notes


@pytest.mark.parametrize(("runtime", "seconds"), [("docker", 1.0), ("memory", 5.0)])
def test_a_container_that_has_ended_is_noticed_within_a_second(
    tmp_path: Path, runtime: str, seconds: float
) -> None:
    """It can report nowhere but in its log; other platforms are asked less often, as runs there report themselves."""
    made, clock = services(tmp_path, MemoryRuntime), FakeClock()
    stage = made.runtime("memory")
    made.__dict__["_runtimes"][runtime] = stage
    run = made.ledger.update(dispatch(made, DEV).id, runtime=runtime)
    stage.kill(run.id)
    began = clock.monotonic()
    *_, last = runs.watch(made, run, sleep=clock.sleep, clock=clock.monotonic)
    assert (last.state.final, clock.monotonic() - began) == (True, seconds)


def test_a_run_without_a_handle_is_found_to_be_stopped(tmp_path: Path) -> None:
    """Whoever stops it need not be who launched it."""
    made = services(tmp_path, MemoryRuntime)
    run = made.ledger.update(dispatch(made, DEV).id, handle=None)
    assert "ended by SIGTERM" in runs.stop(made, run)


class Shaky(MemoryLedger):
    """Does not answer as often as `failures` says."""

    failures = 0

    def mailbox(self, run: RunId) -> Mailbox:
        self.failures -= 1
        if self.failures >= 0:
            raise Unreachable("the network is gone", hint="look")
        return super().mailbox(run)


def test_a_watcher_bears_a_network_that_comes_back(tmp_path: Path) -> None:
    """A run is not left because of one answer that was lost."""
    ledger, clock = Shaky(), FakeClock()
    made = services(tmp_path, MemoryRuntime, ledger)
    run = dispatch(made, DEV)
    made.runtime("memory").stop(run.handle)
    ledger.failures = 3
    *_, last = runs.watch(made, run, sleep=clock.sleep, clock=clock.monotonic)
    assert (last.state, ledger.failures < 0) == (RunState.STOPPED, True)
