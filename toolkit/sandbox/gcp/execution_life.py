"""The life of one execution: its tasks side by side, each attempt by attempt, and what is told of them meanwhile.

https://cloud.google.com/run/docs/execute/jobs.  Changes Cloud Run's book under the cloud's lock; waits without it.
"""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import TYPE_CHECKING

from google.cloud import run_v2
from google.rpc import code_pb2, status_pb2

from .attempts import Attempt, Result
from .log_lines import Clock, Source
from .run_book import RunBook, etag
from .run_conditions import (
    COMPLETED,
    CONTAINER,
    DONE,
    FAILED,
    GOING,
    RESOURCES,
    STARTED,
    TIMED_OUT,
    Common,
    Condition,
    Reason,
    condition,
    put,
)
from .warden import Warden

if TYPE_CHECKING:
    from .cloud import Google

MOST_AT_ONCE = 100  # tasks of an execution, where its parallelism is left to Cloud Run


class Life:
    """`operation` is the one that RunJob has answered with."""

    def __init__(self, google: "Google", name: str, operation: str, warden: Warden) -> None:
        self._google, self._name, self._operation = google, name, operation
        self._warden, self._clock = warden, Clock()
        self._attempts: set[Attempt] = set()
        self._cancelled, self._ending = threading.Event(), False
        self._first_failure: Result | None = None
        self._thread = threading.Thread(target=self._live, daemon=True, name=f"run-{name[-12:]}")

    def start(self) -> None:
        self._thread.start()

    def cancel(self) -> None:
        """Under the cloud's lock; returns at once."""
        self._cancelled.set()
        for attempt in self._attempts:
            attempt.stop()

    def end(self) -> None:
        """The sandbox is closing: nothing of it is left when this returns."""
        self._cancelled.set()
        with self._google.lock:
            self._ending, attempts = True, tuple(self._attempts)
        for attempt in attempts:
            attempt.kill()
        self._thread.join(10)

    # the life

    def _live(self) -> None:
        settings = self._google.settings
        self._cancelled.wait(settings.start_delay)
        if settings.start_failure == "capacity":
            self._cancelled.wait()
        tasks = self._begun()
        try:
            if len(tasks) == 1:
                self._task(tasks[0])
            else:
                with ThreadPoolExecutor(self._at_once(len(tasks))) as pool:
                    list(pool.map(self._task, tasks))
        finally:
            self._finished()

    def _at_once(self, tasks: int) -> int:
        with self._google.lock:
            return min(self._execution.parallelism or MOST_AT_ONCE, tasks)

    def _task(self, name: str) -> None:
        """All attempts of a task."""
        result = Result(message="Internal error occurred.")  # unless something else comes of it
        try:
            while not self._cancelled.is_set():
                task, attempt = self._next_attempt(name)
                self._warden.watch(attempt)
                try:
                    result = attempt.run()
                finally:
                    self._warden.forget(attempt)
                if not self._again(name, attempt, result, task.max_retries):
                    break
        finally:
            self._task_finished(name, result)

    def _next_attempt(self, name: str) -> tuple[run_v2.Task, Attempt]:
        with self._google.lock:
            task, now = self._book.tasks[name], self._google.now()
            task.start_time = task.start_time or now
            put(task, condition(STARTED, DONE, now), condition(COMPLETED, GOING, now))
            copied = run_v2.Task(task)
            attempt = Attempt(self._google, copied, self._source(copied), self._variables(copied))
            self._attempts.add(attempt)
            self._execution.running_count += 1
            self._changed()
        if self._ending:  # while it was being made
            attempt.kill()
        elif self._cancelled.is_set():
            attempt.stop()
        return copied, attempt

    def _again(self, name: str, attempt: Attempt, result: Result, retries: int) -> bool:
        """Write the attempt down; whether there is to be another."""
        with self._google.lock:
            self._attempts.discard(attempt)
            task, execution = self._book.tasks[name], self._execution
            execution.running_count -= 1
            task.last_attempt_result = _outcome(result)
            again = bool(result.message) and task.retried < retries and not self._cancelled.is_set()
            if again:
                task.retried += 1
                execution.retried_count += 1
            self._changed()
            return again

    # what is told

    def _begun(self) -> list[str]:
        with self._google.lock:
            now, execution = self._google.now(), self._execution
            execution.start_time = now
            put(
                execution,
                condition(RESOURCES, DONE, now, "Provisioned imported containers."),
                condition(CONTAINER, DONE, now, "Imported container image."),
                condition(STARTED, DONE, now, "Started deployed execution."),
            )
            self._changed()
            return [task.name for task in self._book.tasks_of(self._name)]

    def _task_finished(self, name: str, result: Result) -> None:
        with self._google.lock:
            task, execution, now = self._book.tasks[name], self._execution, self._google.now()
            task.completion_time = now
            if self._cancelled.is_set() and result.message:
                execution.cancelled_count += 1
                put(task, _cancelled(now))
            elif result.message:
                execution.failed_count += 1
                self._first_failure = self._first_failure or result
                put(task, _failed(task.name, result, now))
            else:
                execution.succeeded_count += 1
                put(task, condition(COMPLETED, DONE, now))
            self._changed()

    def _finished(self) -> None:
        with self._google.lock:
            now, execution = self._google.now(), self._execution
            execution.completion_time, execution.reconciling = now, False
            put(execution, self._verdict(execution, now))
            self._changed()
            job = self._book.jobs.get(self._name.partition("/executions/")[0])
            if job and job.latest_created_execution.name == self._name.rpartition("/")[2]:
                job.latest_created_execution = reference(execution)
            if not self._google.settings.stuck_operations:
                self._google.operations.finish(self._operation, run_v2.Execution(execution))

    def _verdict(self, execution: run_v2.Execution, now: datetime) -> Condition:
        if execution.cancelled_count:
            return _cancelled(now)
        if self._first_failure:
            failed = [t.name for t in self._book.tasks_of(self._name) if _has_failed(t)]
            return _failed(failed[0] if failed else self._name, self._first_failure, now)
        seconds = (now - execution.start_time).total_seconds()
        return condition(
            COMPLETED, DONE, now, f"Execution completed successfully in {seconds:.2f}s."
        )

    def _changed(self) -> None:
        execution = self._execution
        execution.update_time, execution.etag = self._google.now(), etag()
        self._google.operations.report(self._operation, run_v2.Execution(execution))

    # whose it is

    @property
    def _book(self) -> RunBook:
        return self._google.of(RunBook)

    @property
    def _execution(self) -> run_v2.Execution:
        return self._book.execution(self._name)

    def _source(self, task: run_v2.Task) -> Source:
        """Whose lines its lines are (https://cloud.google.com/run/docs/logging#job_resource)."""
        place = dict(zip(*[iter(self._name.split("/"))] * 2, strict=True))
        labels = {
            **task.labels,
            "run.googleapis.com/execution_name": place["executions"],
            "run.googleapis.com/task_index": str(task.index),
            "run.googleapis.com/task_attempt": str(task.retried),
        }
        resource = {
            "project_id": place["projects"],
            "location": place["locations"],
            "job_name": place["jobs"],
        }
        return Source(
            project=place["projects"],
            kind="cloud_run_job",
            resource=resource,
            labels=labels,
            clock=self._clock,
        )

    def _variables(self, task: run_v2.Task) -> dict[str, str]:
        """https://cloud.google.com/run/docs/container-contract#jobs-env-vars."""
        return {
            "CLOUD_RUN_JOB": task.job.rpartition("/")[2],
            "CLOUD_RUN_EXECUTION": self._name.rpartition("/")[2],
            "CLOUD_RUN_TASK_INDEX": str(task.index),
            "CLOUD_RUN_TASK_ATTEMPT": str(task.retried),
            "CLOUD_RUN_TASK_COUNT": str(self._execution.task_count),
        }


def reference(execution: run_v2.Execution) -> run_v2.ExecutionReference:
    """What a job says of its newest execution."""
    status = run_v2.ExecutionReference.CompletionStatus
    if execution.completion_time is None:
        how = status.EXECUTION_RUNNING if execution.start_time else status.EXECUTION_PENDING
    elif execution.cancelled_count:
        how = status.EXECUTION_CANCELLED
    else:
        how = status.EXECUTION_FAILED if execution.failed_count else status.EXECUTION_SUCCEEDED
    return run_v2.ExecutionReference(
        name=execution.name.rpartition("/")[2],
        create_time=execution.create_time,
        completion_time=execution.completion_time,
        completion_status=how,
    )


def _outcome(result: Result) -> run_v2.TaskAttemptResult:
    code = code_pb2.DEADLINE_EXCEEDED if result.message == TIMED_OUT else code_pb2.ABORTED
    outcome = run_v2.TaskAttemptResult(
        status=status_pb2.Status(code=code if result.message else 0, message=result.message)
    )
    if result.term_signal:
        outcome.term_signal = result.term_signal
    else:
        outcome.exit_code = result.exit_code
    return outcome


def _failed(task: str, result: Result, now: datetime) -> Condition:
    if result.missing_image:
        return condition(COMPLETED, FAILED, now, result.message, reason=Common.CONTAINER_MISSING)
    text = f"Task {task.rpartition('/')[2]} failed with message: {result.message}"
    return condition(COMPLETED, FAILED, now, text, execution_reason=Reason.NON_ZERO_EXIT_CODE)


def _cancelled(now: datetime) -> Condition:
    text = "Execution was cancelled."
    return condition(COMPLETED, FAILED, now, text, execution_reason=Reason.CANCELLED)


def _has_failed(task: run_v2.Task) -> bool:
    return any(c.type_ == COMPLETED and c.state == FAILED for c in task.conditions)
