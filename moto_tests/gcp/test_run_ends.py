"""How executions end that do not end by themselves: cancelled, out of time, out of memory, never begun."""

import os
import signal
from collections.abc import Callable
from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud import run_v2

from moto_tests.gcp.run_world import CloudRun, eventually
from moto_tests.sandbox import programs
from toolkit.sandbox.gcp.run_conditions import OUT_OF_MEMORY, TIMED_OUT

REASON = run_v2.Condition.ExecutionReason
STATE = run_v2.Condition.State
TAKE_MEMORY = """
import time
held = bytearray(700 * 1024 * 1024)
time.sleep(600)
"""
WRITE_FILES = """
import os, time
with open(os.environ["TMPDIR"] + "/large", "wb") as file:
    file.truncate(600 * 1024 * 1024)
time.sleep(600)
"""


def completed(found: Any) -> run_v2.Condition:
    return next(c for c in found.conditions if c.type_ == "Completed")


def system_lines(cloud_run: CloudRun, execution: str) -> list[str]:
    """What Cloud Run itself says of the container."""
    wanted = f'logName:"varlog" AND labels."run.googleapis.com/execution_name"="{execution.rpartition("/")[2]}"'
    request = {"resource_names": [cloud_run.clients.parent], "filter": wanted}
    return [entry.text_payload for entry in cloud_run.logs.list_log_entries(request=request)]


def test_cancelling_sends_sigterm(cloud_run: CloudRun) -> None:
    """Whoever handles it ends by its own code, and the execution is cancelled nevertheless
    (https://cloud.google.com/run/docs/container-contract#forced-termination)."""
    name = cloud_run.run(cloud_run.program(programs.WAIT_FOR_TERM))
    eventually(lambda: "ready" in cloud_run.lines(name))
    cloud_run.executions.cancel_execution(name=name)
    execution = cloud_run.ended(name)
    assert (execution.cancelled_count, execution.failed_count) == (1, 0)
    assert completed(execution).execution_reason == REASON.CANCELLED
    assert cloud_run.task(name).last_attempt_result.exit_code == 7
    assert cloud_run.lines(name) == ["ready", "terminated"]


def test_whoever_ignores_sigterm_is_killed_later(
    cloud_run: CloudRun, manners: Callable[..., None]
) -> None:
    """SIGKILL ten seconds after SIGTERM (https://cloud.google.com/run/docs/container-contract); here a tenth of one."""
    manners(stop_seconds=0.1)
    name = cloud_run.run(cloud_run.program(programs.IGNORE_TERM))
    eventually(lambda: "ready" in cloud_run.lines(name))
    cloud_run.executions.cancel_execution(name=name)
    cloud_run.ended(name)
    assert cloud_run.task(name).last_attempt_result.term_signal == signal.SIGKILL


def test_an_execution_can_be_cancelled_before_it_has_begun(
    cloud_run: CloudRun, manners: Callable[..., None]
) -> None:
    """No container runs then."""
    manners(start_delay=60)
    name = cloud_run.run(cloud_run.program(programs.SAY))
    cloud_run.executions.cancel_execution(name=name)
    assert cloud_run.ended(name).cancelled_count == 1
    assert cloud_run.lines(name) == []


def test_one_that_waits_for_capacity_can_be_cancelled(
    cloud_run: CloudRun, manners: Callable[..., None]
) -> None:
    """It is neither running nor failed while it waits."""
    manners(start_failure="capacity")
    name = cloud_run.run(cloud_run.program(programs.SAY))
    waiting = cloud_run.executions.get_execution(name=name)
    assert (waiting.running_count, waiting.failed_count, waiting.succeeded_count) == (0, 0, 0)
    cloud_run.executions.cancel_execution(name=name)
    assert completed(cloud_run.ended(name)).execution_reason == REASON.CANCELLED


def test_what_has_completed_cannot_be_cancelled(cloud_run: CloudRun) -> None:
    """FAILED_PRECONDITION."""
    execution, _ = cloud_run.finished(programs.SAY)
    with pytest.raises(exceptions.FailedPrecondition):
        cloud_run.executions.cancel_execution(name=execution.name)


def test_a_cancelled_task_is_not_tried_again(cloud_run: CloudRun) -> None:
    """Whatever max_retries says."""
    name = cloud_run.run(cloud_run.program(programs.WAIT_FOR_TERM, max_retries=3))
    eventually(lambda: "ready" in cloud_run.lines(name))
    cloud_run.executions.cancel_execution(name=name)
    assert cloud_run.ended(name).retried_count == 0


def test_a_task_whose_time_is_over_is_ended(cloud_run: CloudRun) -> None:
    """SIGTERM first; the sentence says why (https://cloud.google.com/run/docs/configuring/task-timeout)."""
    name = cloud_run.run(cloud_run.program(programs.WAIT_FOR_TERM), timeout={"seconds": 1})
    execution = cloud_run.ended(name)
    assert TIMED_OUT in completed(execution).message
    assert execution.failed_count == 1
    assert cloud_run.lines(name) == ["ready", "terminated"]


def test_a_week_can_be_over_in_a_moment(cloud_run: CloudRun, manners: Callable[..., None]) -> None:
    """The cloud's clock is what timeouts are measured by."""
    name = cloud_run.run(cloud_run.program(programs.WAIT_FOR_TERM, timeout={"seconds": 604_800}))
    eventually(lambda: "ready" in cloud_run.lines(name))
    manners(clock_ahead=604_801)
    assert TIMED_OUT in completed(cloud_run.ended(name)).message


def test_a_container_that_needs_more_memory_than_it_has_is_killed(cloud_run: CloudRun) -> None:
    """By SIGKILL, with a line of Cloud Run's own about it
    (https://cloud.google.com/run/docs/configuring/jobs/memory-limits)."""
    execution, task = cloud_run.finished(TAKE_MEMORY)
    assert task.last_attempt_result.term_signal == signal.SIGKILL
    assert OUT_OF_MEMORY in completed(execution).message
    assert "Memory limit of 512 MiB exceeded" in system_lines(cloud_run, execution.name)[0]


def test_files_that_a_container_writes_are_its_memory(cloud_run: CloudRun) -> None:
    """There is no disk (https://cloud.google.com/run/docs/container-contract#filesystem)."""
    execution, _ = cloud_run.finished(WRITE_FILES)
    assert OUT_OF_MEMORY in completed(execution).message


def test_a_signal_is_no_exit_code(cloud_run: CloudRun) -> None:
    """At most one of exit_code and term_signal is set (TaskAttemptResult)."""
    _, task = cloud_run.finished("import os; os.kill(os.getpid(), 9)")
    result = task.last_attempt_result
    assert (result.term_signal, result.exit_code) == (signal.SIGKILL, 0)
    _, task = cloud_run.finished("import sys; sys.exit(137)", job_id="second")
    result = task.last_attempt_result
    assert (result.term_signal, result.exit_code) == (0, 137)


@pytest.mark.parametrize("failure", ["image", "internal"])
def test_a_container_that_never_starts_has_no_exit_code(
    cloud_run: CloudRun, manners: Callable[..., None], failure: str
) -> None:
    """There is a sentence in the execution's condition, and nothing in the log."""
    manners(start_failure=failure)
    execution, task = cloud_run.finished(programs.SAY)
    assert completed(execution).state == STATE.CONDITION_FAILED
    assert (task.last_attempt_result.exit_code, task.last_attempt_result.term_signal) == (0, 0)
    assert task.last_attempt_result.status.message
    assert cloud_run.lines(execution.name) == []


def test_an_image_that_was_deleted_after_the_push_is_missing_at_the_run(
    cloud_run: CloudRun,
) -> None:
    """As when a cleanup policy has taken it (https://cloud.google.com/artifact-registry/docs/repositories/cleanup-policy)."""
    image = cloud_run.image("print('never extracted before')")
    name = cloud_run.create(cloud_run.job(image)).name
    cloud_run.remove(image)
    execution = cloud_run.ended(cloud_run.run(name))
    assert completed(execution).reason == run_v2.Condition.CommonReason.CONTAINER_MISSING
    assert completed(execution).message == f"Image '{image}' not found."


def test_nothing_of_a_container_outlives_it(cloud_run: CloudRun) -> None:
    """Neither its children nor its directories."""
    execution, _ = cloud_run.finished(programs.LEAVE_CHILDREN)
    child = int(cloud_run.lines(execution.name)[0].split()[1])
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)
    assert list(cloud_run.google.machine.work.glob("agent-*")) == []


def test_a_lost_answer_still_ran_the_job(cloud_run: CloudRun) -> None:
    """RunJob has no idempotency token: who repeats it runs it twice."""
    name = cloud_run.program(programs.SAY)
    cloud_run.google.faults.lose("RunJob")
    with pytest.raises(exceptions.ServiceUnavailable):
        cloud_run.run(name)
    assert len(list(cloud_run.executions.list_executions(parent=name))) == 1


def test_an_operation_may_never_end_although_the_execution_has(
    cloud_run: CloudRun, manners: Callable[..., None]
) -> None:
    """What counts is the execution."""
    name = cloud_run.program(programs.SAY)
    manners(stuck_operations=1)
    operation = cloud_run.jobs.run_job(name=name)
    assert cloud_run.ended(operation.metadata.name).succeeded_count == 1
    assert not operation.done()
