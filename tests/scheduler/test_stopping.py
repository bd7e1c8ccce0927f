"""A run can be ended wherever it is on its way; what was its own goes with it."""

from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from tests.fakes import MemoryRuntime, Play
from tests.scheduler.stage import FOREVER, Stage, post, stage
from toolkit.core.clock import iso
from toolkit.core.run import RunHandle, RunId, RunState, Trigger, TriggerKind
from toolkit.core.work import Call, CallState
from toolkit.scheduler.control import kill_all
from toolkit.scheduler.stopping import stop_run
from toolkit.scheduler.submit import submit


def test_a_run_that_waits_ends_without_having_started(tmp_path: Path) -> None:
    """It is not launched by whoever looks next, and its work is gone."""
    made = stage(tmp_path, post("dev"))
    run = made.submit("dev")
    assert "will not start" in stop_run(made.desk, made.get(run))
    made.step()
    assert (made.launched, made.get(run).state) == ([], RunState.STOPPED)
    assert made.ledger.queue.get(run) is None


class Slow(MemoryRuntime):
    """Ends a run no sooner than two others are being ended as well."""

    met = Barrier(3, timeout=20)

    def stop(self, handle: RunHandle) -> str:
        self.met.wait()
        return super().stop(handle)


def test_the_runs_of_an_agent_are_ended_side_by_side(tmp_path: Path) -> None:
    """Each may take its grace of 30 seconds, and whoever asked for it waits."""
    made = stage(tmp_path, post("dev", scale=3), plays={"dev": FOREVER}, runtime=Slow)
    runs = {made.submit("dev") for _ in range(3)}
    made.step(times=2)
    assert set(kill_all(made.desk, "dev")) == runs
    assert list(made.runtime.running()) == []


class Meanwhile(MemoryRuntime):
    """Somebody stops the run while its launch is on the way."""

    made: Stage | None = None

    def launch(self, spec: Any) -> Any:
        handle = super().launch(spec)
        assert self.made
        stop_run(self.made.desk, self.made.get(spec.run))
        return handle


def test_a_run_that_is_being_launched_is_ended_when_it_has_been(tmp_path: Path) -> None:
    """The wish is not lost between the queue and the platform."""
    made = stage(tmp_path, post("dev"), plays={"dev": FOREVER}, runtime=Meanwhile)
    made.runtime.made = made  # type: ignore[attr-defined]
    run = made.submit("dev")
    made.step(times=2)
    assert made.get(run).state is RunState.STOPPED
    assert list(made.runtime.running()) == []


def test_a_run_that_was_taken_and_told_to_stop_is_not_launched(tmp_path: Path) -> None:
    """Its launcher looks at the flag before it sends anything."""
    made = stage(tmp_path, post("dev"))
    run = made.submit("dev")
    made.ledger.request_stop(run)
    made.step()
    assert (made.launched, made.get(run).state) == ([], RunState.STOPPED)


def test_a_run_that_works_is_ended_and_frees_what_it_held(tmp_path: Path) -> None:
    """Its lock is another's, its item is gone, its secret is seen to be gone."""
    made = stage(tmp_path, post("dev"), plays={"dev": FOREVER})
    run = made.submit("dev")
    made.step(times=2)
    made.ledger.locks.acquire("github://a/b/1", run, seconds=1800, moment=made.clock())
    stop_run(made.desk, made.get(run))
    made.step()
    assert made.get(run).state is RunState.STOPPED
    assert made.ledger.locks.held(moment=made.clock()) == ()
    assert stop_run(made.desk, made.get(run)).endswith("was already over")


# calls


def called(made: Stage, caller: RunId) -> tuple[str, RunId]:
    """`caller` has called qa; the call and the run that works for it."""
    run = RunId("qa-00000001")
    made.ledger.calls.add(
        Call(
            id="c1",
            caller=caller,
            target=run.agent,
            run=run,
            context="?",
            depth=1,
            created=iso(made.clock()),
        )
    )
    submit(made.desk, Trigger(agent=run.agent, kind=TriggerKind.CALL, call="c1", depth=1), run=run)
    return "c1", run


@pytest.mark.parametrize(("code", "state"), [(0, CallState.COMPLETED), (3, CallState.ERROR)])
def test_a_call_has_its_answer_when_its_run_is_over(
    tmp_path: Path, code: int, state: CallState
) -> None:
    """Completed or failed, without anybody who asks."""
    made = stage(
        tmp_path, post("dev"), post("qa"), plays={"dev": FOREVER, "qa": Play(exit_code=code)}
    )
    caller = made.submit("dev")
    made.step(times=2)
    call, _ = called(made, caller)
    made.step(times=2)
    assert made.ledger.calls.get(call).state is state


def test_the_calls_of_a_run_that_ends_are_nobodys(tmp_path: Path) -> None:
    """They do not stay open for ever; what they started goes on."""
    made = stage(tmp_path, post("dev"), post("qa"), plays={"dev": FOREVER, "qa": FOREVER})
    caller = made.submit("dev")
    made.step(times=2)
    call, run = called(made, caller)
    made.step(times=2)
    stop_run(made.desk, made.get(caller))
    made.step()
    assert made.ledger.calls.get(call).state is CallState.ERROR
    assert made.get(run).state is RunState.RUNNING


def test_a_stopped_item_of_a_full_agent_makes_no_room_it_did_not_take(tmp_path: Path) -> None:
    """What waits behind a running one still waits when another that waited is stopped."""
    made = stage(tmp_path, post("dev"), plays={"dev": FOREVER})
    going, loop = made.submit("dev"), made.loop()
    made.step(loop, times=2)
    waiting, other = made.submit("dev"), made.submit("dev")
    stop_run(made.desk, made.get(waiting))
    made.step(loop, times=2)
    assert made.launched == [going]
    assert made.get(other).state is RunState.QUEUED
