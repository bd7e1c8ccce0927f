"""Launching on Cloud Run: once per run whatever is lost, with few calls, and with a word for what is refused."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from moto_tests.gcp.agents import Stage, a_spec
from moto_tests.gcp.run_world import eventually
from moto_tests.gcp.test_cloud_run_jobs import calls
from runtimes import _cloud_run_launch as launching
from runtimes.cloud_run import CloudRun
from tests.fakes import Play
from toolkit.core.errors import AccessDenied, AlError, LaunchError, Unreachable
from toolkit.core.run import Cause, RunId, RunState
from toolkit.sandbox.gcp.cloud import Google

TELL = """
import json, os
names = ("AL_RUN_ID", "AL_SECRET", "AL_AGENT", "AL_RUNTIME", "CLOUD_RUN_TASK_ATTEMPT")
print(json.dumps({name: os.environ.get(name) for name in names}), flush=True)
"""


def executions(stage: Stage) -> list[Any]:
    parent = f"{stage.runtime.clients.location}/jobs/-"
    return list(stage.world.executions.list_executions(parent=parent))


def test_a_fresh_run_costs_one_call(stage: Stage, google: Google) -> None:
    """Nobody can have launched it before: its secret was made a moment ago."""
    spec = a_spec(stage.defined(Play()), age=1)
    google.counts.clear()
    stage.runtime.launch(spec)
    assert calls(google) == {"RunJob": 1}


@pytest.mark.parametrize("age", [3600.0, -3600.0])
def test_a_run_that_may_have_been_launched_is_looked_for_first(
    stage: Stage, google: Google, age: float
) -> None:
    """Also when clocks disagree on how old it is."""
    spec = a_spec(stage.defined(Play()), age=age)
    google.counts.clear()
    stage.runtime.launch(spec)
    assert calls(google) == {"ListExecutions": 1, "RunJob": 1}


def test_a_second_launch_in_the_same_process_finds_the_first(stage: Stage) -> None:
    """However fresh it is."""
    spec = a_spec(stage.defined(Play()), age=1)
    assert stage.runtime.launch(spec) == stage.runtime.launch(spec)
    assert len(executions(stage)) == 1


def test_a_container_learns_its_run_and_its_secrets_name(stage: Stage) -> None:
    """By overrides, beside what the job says."""
    spec = a_spec(stage.program(TELL))
    handle = stage.runtime.launch(spec)
    (line,) = eventually(lambda: list(stage.runtime.tail(handle)))
    assert f'"AL_RUN_ID":"{spec.run}"' in line.message
    assert f'"AL_SECRET":"{spec.lease.ref.name}"' in line.message
    assert '"AL_AGENT":"dev"' in line.message


def test_the_agents_own_timeout_is_passed_on(stage: Stage) -> None:
    """More than an hour too; Cloud Run's default is ten minutes
    (https://cloud.google.com/run/docs/configuring/task-timeout)."""
    from dataclasses import replace

    spec = replace(a_spec(stage.defined(Play(), timeout=5 * 3600)), timeout=5 * 3600)
    stage.runtime.launch(spec)
    (execution,) = executions(stage)
    assert execution.template.timeout.total_seconds() == 5 * 3600 + 60


def test_a_lost_answer_is_not_a_second_run(stage: Stage, google: Google) -> None:
    """The execution that was started is found by its variables."""
    spec = a_spec(stage.defined(Play()), age=1)
    google.faults.lose("RunJob")
    handle = stage.runtime.launch(spec)
    assert handle.run == spec.run
    assert len(executions(stage)) == 1


def test_a_request_that_never_arrived_is_no_run(
    stage: Stage, google: Google, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not sent again: whoever asked is told that it may have started, and looks."""
    monkeypatch.setattr(launching, "LOST", 0.2)
    spec = a_spec(stage.defined(Play()), age=1)
    google.faults.fail("RunJob", "UNAVAILABLE")
    with pytest.raises(Unreachable):
        stage.runtime.launch(spec)
    assert executions(stage) == []
    assert stage.runtime.launch(spec)


def test_a_lost_answer_and_a_blind_look_are_the_lost_answer(
    stage: Stage, google: Google, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What could not be looked up does not hide what happened first."""
    monkeypatch.setattr(launching, "LOST", 0.2)
    spec = a_spec(stage.defined(Play()), age=1)
    google.faults.lose("RunJob")
    google.faults.fail("ListExecutions", "PERMISSION_DENIED", times=9)
    with pytest.raises(Unreachable, match="launching"):
        stage.runtime.launch(spec)


def test_a_full_quota_is_temporary(stage: Stage, manners: Callable[..., None]) -> None:
    """A region runs so many executions at once (https://cloud.google.com/run/quotas)."""
    reference = stage.defined(Play(exit_code=None))
    manners(running_executions=1)
    first = stage.runtime.launch(a_spec(reference))
    with pytest.raises(LaunchError) as caught:
        stage.runtime.launch(a_spec(reference))
    assert (caught.value.cause, caught.value.temporary) == (Cause.CAPACITY, True)
    stage.runtime.stop(first)


def test_too_many_requests_are_temporary(stage: Stage, google: Google) -> None:
    """RESOURCE_EXHAUSTED of the API itself."""
    reference = stage.defined(Play())
    google.faults.fail("RunJob", "RESOURCE_EXHAUSTED", message="Quota exceeded for quota metric")
    with pytest.raises(AlError) as caught:
        stage.runtime.launch(a_spec(reference))
    assert caught.value.temporary
    assert executions(stage) == []


def test_a_missing_permission_names_both(stage: Stage, google: Google) -> None:
    """Overrides need more than running does (https://cloud.google.com/run/docs/execute/jobs#override-job-configuration)."""
    reference = stage.defined(Play())
    google.faults.fail("RunJob", "PERMISSION_DENIED", message="run.jobs.runWithOverrides denied")
    later = CloudRun(stage.context, clock=lambda: datetime.now(UTC) + timedelta(minutes=10))
    with pytest.raises(AccessDenied) as caught:
        later.launch(a_spec(reference))
    assert "run.jobs.runWithOverrides" in caught.value.hint


def test_a_right_on_a_job_that_was_just_made_is_waited_for(stage: Stage, google: Google) -> None:
    """The gateway has it by the new job's own policy, which others see 2 minutes later
    (https://cloud.google.com/iam/docs/access-change-propagation)."""
    reference, waits = stage.defined(Play()), list[float]()
    google.faults.fail("RunJob", "PERMISSION_DENIED", times=2, message="denied")
    CloudRun(stage.context, sleep=waits.append).launch(a_spec(reference))
    assert len(waits) == 2
    assert len(executions(stage)) == 1


def test_a_hundred_runs_at_once_are_a_hundred_runs(
    stage: Stage, google: Google, manners: Callable[..., None]
) -> None:
    """One call each, each with its own variables, none twice, and none of them lost to a look at all."""
    manners(start_delay=3600)  # what is asked for is what this is about, not a hundred processes
    reference = stage.defined(Play())
    specs = [a_spec(reference, age=1) for _ in range(100)]
    google.counts.clear()
    with ThreadPoolExecutor(20) as pool:
        handles = list(pool.map(stage.runtime.launch, specs))
    assert calls(google) == {"RunJob": 100}
    assert {handle.run for handle in handles} == {spec.run for spec in specs}
    assert len({handle.ids["execution"] for handle in handles}) == 100
    assert {handle.run for handle in stage.again().running()} == {spec.run for spec in specs}
    google.counts.clear()
    states = Counter(status.state for status in stage.runtime.states(handles).values())
    assert states == {RunState.STARTING: 100}
    assert calls(google) == {"ListExecutions": 1}


def test_a_run_is_found_by_its_record_alone(stage: Stage) -> None:
    """When its launcher died with the answer, while it runs and when it is over."""
    from toolkit.core.clock import iso, now
    from toolkit.core.run import Run, TriggerKind

    spec = a_spec(stage.defined(Play()))
    record = Run(
        id=spec.run,
        agent=spec.agent,
        runtime="cloud_run",
        trigger=TriggerKind.MANUAL,
        created=iso(now()),
        definition=spec.definition,
    )
    assert stage.runtime.find(record) is None
    handle = stage.runtime.launch(spec)
    eventually(lambda: stage.runtime.states([handle])[handle.run].state.final)
    assert stage.again().find(record) == handle


def test_what_others_run_is_nobodys(stage: Stage) -> None:
    """An execution of a foreign job, or one of ours that somebody started by hand, is no run."""
    reference = stage.defined(Play(exit_code=None))
    ours = f"{stage.runtime.clients.location}/jobs/{reference.rpartition(':')[0]}"
    foreign = stage.world.program("import time; time.sleep(60)", job_id="foreign")
    started = [
        stage.world.run(ours),
        stage.world.run(ours, {"AL_RUN_ID": "no run id"}),
        stage.world.run(foreign, {"AL_RUN_ID": "dev-1a2b3c4d"}),
        stage.world.run(ours, {"AL_RUN_ID": str(RunId("other-1a2b3c4d"))}),
    ]
    assert list(stage.runtime.running()) == []
    for name in started:
        stage.world.executions.cancel_execution(name=name)
