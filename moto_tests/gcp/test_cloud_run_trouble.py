"""Runs are started over a Google on a bad day: each does its work once, no secret stays, and every record is true.

Every call on the way is troubled in the embedded cloud itself: the scheduler's and the container's, of the ledger, the
secrets, Cloud Run and the logs.  With `AL_CHAOS` set each call meets each fate alone as well.
"""

import os
import random
from pathlib import Path

import pytest

from moto_tests.gcp.agents import Stage
from moto_tests.gcp.bad_day import CALLS, CLAIM, CLAIMING, Day, true_and_over
from moto_tests.gcp.ill_fate import DONE, Fate, befall
from moto_tests.gcp.log_world import Logs
from moto_tests.gcp.run_world import eventually
from moto_tests.gcp.test_cloud_run_death import Scene, grant
from runtimes.cloud_run import CloudRun
from tests.fakes import FakeClock
from tests.scheduler.stage import post
from toolkit.core.clock import now
from toolkit.core.run import Cause, RunState
from toolkit.sandbox.gcp.cloud import Google
from toolkit.scheduler import starts
from toolkit.scheduler.desk import Desk
from toolkit.scheduler.dispatch import Definition, fact_key
from toolkit.scheduler.ledgers.firestore import FirestoreLedger
from toolkit.scheduler.roster import Roster
from toolkit.scheduler.settle import LAUNCH_PATIENCE, verdict

WAYS = ("reference", "mount")
ALWAYS = 10**6
QUICK = [
    rpc for rpc in CALLS if rpc != "ListLogEntries"
]  # whose quota is per minute, so each loss is waited for
RUN_JOB = "google.cloud.run.v2.Jobs/RunJob"
REFUSED = [fate for fate in Fate if fate not in DONE]


@pytest.fixture
def day(
    stage: Stage,
    logs: Logs,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Day:
    """The agent `dev`, pushed; its runs' secrets are passed as the test says, by reference unless it does."""
    monkeypatch.setattr("runtimes._cloud_run_launch.LOST", 0.2)
    monkeypatch.setitem(CloudRun.__init__.__kwdefaults__, "late", 0.2)
    used = stage.mounting() if getattr(request, "param", "") == "mount" else stage
    ledger = FirestoreLedger(used.context)
    ledger.prepare()
    scene = Scene(used, ledger, monkeypatch)
    grant(used)
    ref = used.program(CLAIMING.format(held=str(held := tmp_path / "held")))
    known = Definition(agent="dev", runtime="cloud_run", ref=ref, image="", hash="", timeout=60)
    ledger.set_fact(fact_key("dev"), known.to_fact())
    roster = Roster(project="shop", posts={"dev": post("dev", scale=2)})
    clock = FakeClock(now())
    desk = Desk(services=scene.services(), roster=lambda: roster, clock=clock)
    return Day(scene, desk, clock, logs, held)


def befall_all(google: Google, fate: Fate) -> None:
    for rpc in CALLS:
        befall(google, rpc, fate)


@pytest.mark.parametrize("fate", Fate)
@pytest.mark.parametrize("day", WAYS, indirect=True)
def test_what_happens_once_to_every_call_does_no_harm(day: Day, fate: Fate) -> None:
    """The first call of each RPC meets it; both runs do their work, and do it once."""
    day.submit()
    day.submit()
    befall_all(day.google, fate)
    true_and_over(day)
    assert [run.state for run in day.runs()] == [RunState.SUCCEEDED] * 2


def test_a_good_day_makes_every_call_that_is_troubled_here(day: Day) -> None:
    """But those that only a loss, or a failed run, makes necessary: the table names nothing that nobody asks for."""
    day.submit()
    true_and_over(day)
    asked = {method.rpartition("/")[2] for method in day.google.counts}
    assert {*CALLS, CLAIM} - asked == {"ListExecutions", "ListTasks"}


@pytest.mark.parametrize("fate", [Fate.UNHEARD, Fate.LATE, Fate.TWICE])
def test_a_claim_that_may_be_anothers_is_not_worked_for(day: Day, fate: Fate) -> None:
    """Google deletes a secret for exactly one who asks; who did not hear that it was for him does nothing, and says why."""
    day.submit()
    befall(day.google, CLAIM, fate)
    true_and_over(day)
    (run,) = day.runs()
    assert run.state is RunState.FAILED
    assert list(day.worked()) == []


@pytest.mark.parametrize("day", WAYS, indirect=True)
def test_a_run_whose_launch_arrived_twice_goes_on_while_either_works(day: Day) -> None:
    """The answer that was heard may be about the execution that came too late: its end is not the run's."""
    day.held.touch()
    day.submit()
    befall(day.google, "RunJob", Fate.TWICE)
    day.look()
    eventually(lambda: _ends(day) == 1)
    day.look()
    assert day.scene.run().state is RunState.RUNNING
    day.held.unlink()
    true_and_over(day)
    assert day.scene.run().state is RunState.SUCCEEDED


def test_a_run_whose_launch_arrived_twice_can_be_stopped(day: Day) -> None:
    """Wherever it works."""
    day.held.touch()
    day.submit()
    befall(day.google, "RunJob", Fate.TWICE)
    day.look()
    eventually(lambda: _ends(day) == 1)
    handle = day.scene.run().handle
    assert handle is not None
    assert "is stopping" in day.scene.stage.runtime.stop(handle)
    eventually(lambda: _ends(day) == 2)


def _ends(day: Day) -> int:
    """How many executions are over."""
    found = day.scene.stage.world.executions.list_executions(
        parent=f"{day.scene.stage.runtime.clients.location}/jobs/-"
    )
    return sum(bool(execution.completion_time) for execution in found)


@pytest.mark.parametrize("fate", REFUSED)
def test_a_claim_that_was_refused_for_now_is_made_again(day: Day, fate: Fate) -> None:
    """Nothing was done, so asking again is no risk."""
    day.submit()
    befall(day.google, CLAIM, fate)
    true_and_over(day)
    assert [run.state for run in day.runs()] == [RunState.SUCCEEDED]


def test_a_launch_that_is_always_refused_is_given_up(day: Day) -> None:
    """After three attempts: its record says why, and no secret waits for it."""
    day.submit()
    befall(day.google, "RunJob", Fate.THROTTLED, ALWAYS)
    true_and_over(day)
    (run,) = day.runs()
    assert (run.state, run.cause) == (RunState.FAILED, Cause.NETWORK)
    assert day.google.counts[RUN_JOB] == starts.MOST


@pytest.mark.parametrize("fate", [Fate.AWAY, Fate.BROKEN])
def test_a_launch_that_is_never_answered_is_given_up(day: Day, fate: Fate) -> None:
    """It may have started all the same: so it is asked to stop, and ten minutes later it is known to have not."""
    run = day.submit()
    befall(day.google, "RunJob", fate, ALWAYS)
    day.steps(starts.MOST + 2)
    assert day.google.counts[RUN_JOB] == starts.MOST
    assert day.scene.secrets() == []
    record, box = day.scene.run(), day.scene.ledger.mailbox(run)
    assert (record.state, box.stop) == (RunState.STARTING, True)
    end = verdict(record, box, None, now() + LAUNCH_PATIENCE)
    assert (end.state, end.cause) == (RunState.STOPPED, Cause.NEVER_STARTED)


@pytest.mark.parametrize("seed", range(2))
def test_on_a_bad_day_every_run_ends_once(day: Day, seed: int) -> None:
    """Dozens of calls meet something, whichever come first; afterwards everything is settled."""
    dice = random.Random(seed)
    for _ in range(4):
        day.submit()
    for _ in range(40):
        befall(day.google, dice.choice((*QUICK, CLAIM)), dice.choice(list(Fate)))
    true_and_over(day)


@pytest.mark.skipif("AL_CHAOS" not in os.environ, reason="each call alone: `make chaos`")
@pytest.mark.parametrize("rpc", CALLS)
@pytest.mark.parametrize("fate", Fate)
@pytest.mark.parametrize("day", WAYS, indirect=True)
def test_what_happens_to_one_call_does_no_harm(day: Day, fate: Fate, rpc: str) -> None:
    """One RPC, one fate, and good weather otherwise."""
    day.submit()
    befall(day.google, rpc, fate)
    true_and_over(day)
    assert [run.state for run in day.runs()] == [RunState.SUCCEEDED]
