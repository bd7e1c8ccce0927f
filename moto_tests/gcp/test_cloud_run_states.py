"""A run on Cloud Run from its handle: its state, its end and why, what it reported, and how it is stopped."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from moto_tests.gcp.agents import Stage, a_spec, note
from moto_tests.gcp.run_world import eventually
from moto_tests.gcp.test_cloud_run_jobs import calls
from runtimes import cloud_run
from runtimes.cloud_run import CloudRun
from tests.fakes import FakeClock, Play
from toolkit.core.clock import now
from toolkit.core.errors import Unreachable
from toolkit.core.run import Cause, RunHandle, RunId, RunState, RunStatus
from toolkit.sandbox.gcp.cloud import Google

FOREVER = Play(lines=("begun",), exit_code=None)
RUN = RunId("dev-1a2b3c4d")
REPORT = {"exit_code": 7, "state": "failed", "reason": "the script ended", "return_value": "42 €"}
STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("begun", flush=True)
while True:
    time.sleep(0.05)
"""
GREEDY = """
import time
print("begun", flush=True)
kept = bytearray(b"x") * (700 * 1024 * 1024)
time.sleep(60)
"""


def reporting(*, box: dict[str, Any] = REPORT, code: int = 7) -> Play:
    claimed = note(RUN, 1, claimed="2026-11-20T12:00:00Z", claimer="host")
    read = note(RUN, 2, read="2026-11-20T12:00:01Z", burned="2026-11-20T12:00:02Z")
    return Play(lines=(claimed, read, "work", note(RUN, 3, report=box)), exit_code=code)


def status(runtime: CloudRun, handle: RunHandle) -> RunStatus | None:
    return runtime.states([handle]).get(handle.run)


def ended(runtime: CloudRun, handle: RunHandle) -> RunStatus:
    def look() -> RunStatus | None:
        found = status(runtime, handle)
        return found if found and found.state.final else None

    found: RunStatus = eventually(look)
    return found


def launched(stage: Stage, play: Play, run: RunId = RUN) -> RunHandle:
    return stage.runtime.launch(a_spec(stage.defined(play), run))


def test_no_runs_cost_no_call(stage: Stage, google: Google) -> None:
    """Polling nothing is free."""
    google.counts.clear()
    assert stage.runtime.states([]) == {}
    assert calls(google) == {}


def test_a_live_run_costs_one_look(stage: Stage, google: Google) -> None:
    """And no log is read before its end."""
    handle = launched(stage, FOREVER)
    google.counts.clear()
    stage.runtime.states([handle])
    assert calls(google) == {"GetExecution": 1}
    stage.runtime.stop(handle)


def test_several_runs_of_a_job_are_asked_for_together(stage: Stage, google: Google) -> None:
    """Those of different jobs are not."""
    reference, other = stage.defined(FOREVER), stage.defined(FOREVER, name="other")
    handles = [stage.runtime.launch(a_spec(reference)) for _ in range(3)]
    handles.append(stage.runtime.launch(a_spec(other, RunId("other-1a2b3c4d"))))
    google.counts.clear()
    assert len(stage.runtime.states(handles)) == 4
    assert calls(google) == {"ListExecutions": 1, "GetExecution": 1}
    for handle in handles:
        stage.runtime.stop(handle)


def test_what_the_container_noted_comes_with_its_end(stage: Stage) -> None:
    """Its account may write nowhere else, so it speaks through its log."""
    over = ended(stage.runtime, launched(stage, reporting()))
    assert over.mailbox is not None
    assert over.mailbox.report == REPORT
    assert over.mailbox.claimed == "2026-11-20T12:00:00Z"
    assert over.mailbox.read == "2026-11-20T12:00:01Z"
    assert over.mailbox.burned == "2026-11-20T12:00:02Z"
    assert over.exit_code == 7


def test_notes_of_other_runs_are_not_a_runs_own(stage: Stage) -> None:
    """Two at once, in one question."""
    other = RunId("dev-00000002")
    mine = launched(stage, reporting())
    theirs = stage.runtime.launch(a_spec(stage.defined(Play(exit_code=3)), other))
    ended(stage.runtime, mine)
    ended(stage.runtime, theirs)
    told = stage.runtime.states([mine, theirs])
    assert told[other].mailbox is None
    assert told[RUN].mailbox is not None


def test_the_notes_of_many_runs_are_one_question(stage: Stage, google: Google) -> None:
    """A project may ask sixty times a minute (https://cloud.google.com/logging/quotas)."""
    reference = stage.defined(Play())
    handles = [stage.runtime.launch(a_spec(reference)) for _ in range(5)]
    for handle in handles:
        ended(stage.runtime, handle)
    google.counts.clear()
    stage.runtime.states(handles)
    assert calls(google) == {"ListExecutions": 1, "ListLogEntries": 1}


def test_a_report_that_is_late_is_waited_for(stage: Stage, manners: Callable[..., None]) -> None:
    """Logs lag behind; what the run returned is worth some seconds."""
    patient = CloudRun(stage.context, late=60.0)
    manners(log_delay=1.0)
    handle = launched(stage, reporting())
    awaited = eventually(lambda: s if "report" in (s := status(patient, handle)).reason else None)
    assert awaited.state is RunState.RUNNING
    over = ended(patient, handle)
    assert over.mailbox is not None
    assert over.mailbox.report == REPORT


def test_a_report_that_never_comes_does_not_hide_the_end(
    stage: Stage, manners: Callable[..., None]
) -> None:
    """State and exit code are Cloud Run's own."""
    manners(log_delay=3600)
    over = ended(stage.runtime, launched(stage, reporting()))
    assert (over.state, over.exit_code, over.mailbox) == (RunState.FAILED, 7, None)


def test_clocks_that_disagree_do_not_hide_the_end(stage: Stage) -> None:
    """A report is waited for by our own clock where Google's is ahead of it: times of executions promise no order
    (https://cloud.google.com/run/docs/reference/rpc/google.cloud.run.v2#execution)."""
    clock = FakeClock(now() - timedelta(minutes=10))
    behind = CloudRun(stage.context, clock=clock, late=15.0)
    handle = launched(stage, Play())
    ended(stage.runtime, handle)
    assert behind.states([handle])[RUN].state is RunState.RUNNING
    clock.sleep(16)
    assert behind.states([handle])[RUN].state is RunState.SUCCEEDED


def test_a_log_that_cannot_be_read_does_not_hide_the_end(stage: Stage, google: Google) -> None:
    """For instance without the permission for it."""
    handle = launched(stage, reporting())
    eventually(lambda: status(stage.runtime, handle).state.final)
    google.faults.fail("ListLogEntries", "PERMISSION_DENIED")
    over = stage.runtime.states([handle])[RUN]
    assert (over.exit_code, over.mailbox) == (7, None)


def test_an_end_without_a_report_to_come_is_told_at_once(stage: Stage) -> None:
    """A container that lost the race for its run has nothing to say."""
    from toolkit.core.run import UNCLAIMED

    patient = CloudRun(stage.context, late=3600.0)
    over = ended(patient, launched(stage, Play(exit_code=UNCLAIMED)))
    assert over.exit_code == UNCLAIMED


def test_a_run_that_asks_to_be_run_again_says_so_by_its_code(stage: Stage) -> None:
    """From the task, whatever became of the log."""
    over = ended(stage.runtime, launched(stage, Play(exit_code=42)))
    assert (over.state, over.exit_code) == (RunState.SUCCEEDED, 42)


def test_a_run_that_takes_too_much_memory_says_so(stage: Stage) -> None:
    """What it writes counts too (https://cloud.google.com/run/docs/container-contract#memory)."""
    reference = stage.program(GREEDY, cpus=1, memory=512 * 1024**2)
    over = ended(stage.runtime, stage.runtime.launch(a_spec(reference)))
    assert (over.state, over.cause) == (RunState.FAILED, Cause.OUT_OF_MEMORY)
    assert "memory limit" in over.reason


@pytest.mark.parametrize(
    ("failure", "cause"), [("image", Cause.IMAGE_PULL), ("internal", Cause.NEVER_STARTED)]
)
def test_a_run_that_never_began_says_why(
    stage: Stage, manners: Callable[..., None], failure: str, cause: Cause
) -> None:
    """It has neither an exit code nor a signal."""
    reference = stage.defined(Play())
    manners(start_failure=failure)
    over = ended(stage.runtime, stage.runtime.launch(a_spec(reference)))
    assert (over.state, over.cause, over.exit_code) == (RunState.FAILED, cause, None)


def test_a_run_without_a_place_goes_on_waiting(stage: Stage, manners: Callable[..., None]) -> None:
    """Not failed is not running: it is still starting, and can be stopped."""
    reference = stage.defined(Play())
    manners(start_failure="capacity")
    handle = stage.runtime.launch(a_spec(reference))
    waits = stage.runtime.states([handle])[handle.run]
    assert waits.state is RunState.STARTING
    assert waits.reason
    assert [h.run for h in stage.runtime.running()] == [handle.run]
    stage.runtime.stop(handle)
    assert ended(stage.runtime, handle).state is RunState.STOPPED


def test_a_run_that_outlives_cloud_runs_own_timeout_has_timed_out(
    stage: Stage, manners: Callable[..., None]
) -> None:
    """Its container should have made an end before; this is the backstop."""
    handle = launched(stage, FOREVER)
    eventually(lambda: list(stage.runtime.tail(handle)))
    manners(clock_ahead=3600.0)
    assert ended(stage.runtime, handle).state is RunState.TIMED_OUT


def test_a_stopped_run_is_stopped_however_stubborn(
    stage: Stage, manners: Callable[..., None]
) -> None:
    """SIGTERM, then SIGKILL (https://cloud.google.com/run/docs/container-contract#lifecycle-jobs)."""
    manners(stop_seconds=0.2)
    handle = stage.runtime.launch(a_spec(stage.program(STUBBORN)))
    eventually(lambda: list(stage.runtime.tail(handle)))
    assert "SIGKILL" in stage.runtime.stop(handle)
    assert ended(stage.runtime, handle).state is RunState.STOPPED


def test_stopping_survives_a_lost_answer(stage: Stage, google: Google) -> None:
    """Cancelling twice is harmless, and the cancellation is looked for."""
    handle = launched(stage, FOREVER)
    google.faults.lose("CancelExecution")
    assert "is stopping" in stage.runtime.stop(handle)
    assert ended(stage.runtime, handle).state is RunState.STOPPED


def test_a_cancellation_that_does_not_take_is_not_called_one(
    stage: Stage, google: Google, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Verified, not assumed."""
    monkeypatch.setattr(cloud_run, "CANCELLING", 0.3)
    handle = launched(stage, FOREVER)
    google.faults.fail("CancelExecution", "FAILED_PRECONDITION", times=99)
    with pytest.raises(Unreachable, match="has not begun to cancel"):
        stage.runtime.stop(handle)


def test_a_new_execution_may_be_missing_for_a_minute(stage: Stage, google: Google) -> None:
    """It was started: its answer said so.  An old one that is missing has been forgotten
    (https://cloud.google.com/run/docs/managing/job-executions)."""
    handle = launched(stage, Play())
    google.faults.fail("GetExecution", "NOT_FOUND")
    assert stage.runtime.states([handle])[RUN].state is RunState.STARTING
    later = CloudRun(stage.context, clock=lambda: now() + timedelta(minutes=2))
    google.faults.fail("GetExecution", "NOT_FOUND")
    assert later.states([handle]) == {}


def test_a_handle_without_an_execution_is_unknown(stage: Stage) -> None:
    """As a record has it whose launcher died early; nothing is guessed."""
    bare = RunHandle(runtime="cloud_run", run=RUN, agent=RUN.agent, ids={"launched": "0"})
    assert stage.runtime.states([bare]) == {}
    assert list(stage.runtime.logs(bare)) == list(stage.runtime.tail(bare)) == []


def test_old_runs_among_many_new_ones_are_found(stage: Stage, google: Google) -> None:
    """Lists are in pages, the newest first; those that are far down are asked for one by one."""
    reference = stage.defined(Play())
    handles = [stage.runtime.launch(a_spec(reference)) for _ in range(4)]
    google.settings = google.settings.changed({"page_items": 1})
    assert len(stage.runtime.states([handles[0], handles[3]])) == 2
    unknown = replace(handles[0], ids={**handles[0].ids, "execution": "gone"})
    assert set(stage.runtime.states([unknown, handles[1]])) >= {handles[1].run}
