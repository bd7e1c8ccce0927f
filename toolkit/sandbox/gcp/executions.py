"""Executions of Cloud Run Jobs: made by RunJob, looked at, cancelled, deleted.

https://cloud.google.com/run/docs/reference/rpc/google.cloud.run.v2#executions.
"""

import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from google.cloud import run_v2

from .execution_life import Life, reference
from .pages import page
from .refusals import precondition
from .rpc import Call, Rpc, Service
from .run_book import RunBook, etag, match_etag
from .run_conditions import COMPLETED, GOING, PENDING, RESOURCES, Reason, condition, put
from .warden import Warden

if TYPE_CHECKING:
    from .cloud import Google

LARGEST_PAGE = 1000


class Executions(Service):
    """google.cloud.run.v2.Executions, and everything that runs."""

    def __init__(self, google: "Google") -> None:
        super().__init__(google)
        self._lives: dict[str, Life] = {}
        self._warden = Warden()

    def rpcs(self) -> Mapping[str, Rpc]:
        get, listing = "run.executions.get", "run.executions.list"
        cancel, delete = "run.executions.cancel", "run.executions.delete"
        return {
            "GetExecution": Rpc(run_v2.GetExecutionRequest, self.get, get),
            "ListExecutions": Rpc(run_v2.ListExecutionsRequest, self.list, listing, "parent"),
            "CancelExecution": Rpc(run_v2.CancelExecutionRequest, self.cancel, cancel),
            "DeleteExecution": Rpc(run_v2.DeleteExecutionRequest, self.delete, delete),
        }

    @property
    def busy(self) -> bool:
        return self._book.running() > 0

    def close(self) -> None:
        for life in tuple(self._lives.values()):
            life.end()
        self._lives.clear()

    # what RunJob asks for

    def begin(
        self, job: run_v2.Job, template: run_v2.ExecutionTemplate, who: str, *, dry: bool
    ) -> Any:
        """The operation of a new execution of this job, which is kept and started unless it is a dry run."""
        execution = self._made(job, template, who)
        parent = job.name.partition("/jobs/")[0]
        if dry:
            return self.google.operations.soon(parent, execution, lambda: execution)
        self._book.executions[execution.name] = execution
        for index in range(execution.task_count):
            task = self._task(execution, index)
            self._book.tasks[task.name] = task
        job.execution_count += 1
        job.latest_created_execution = reference(execution)
        self._book.prune(job.name)
        operation = self.google.operations.begin(parent, run_v2.Execution(execution))
        self._start(execution.name, operation.name)
        return operation

    def _start(self, name: str, operation: str) -> None:
        self._lives = {n: life for n, life in self._lives.items() if self._runs(n)}
        life = Life(self.google, name, operation, self._warden)
        self._lives[name] = life
        life.start()

    def _runs(self, name: str) -> bool:
        execution = self._book.executions.get(name)
        return execution is not None and not execution.completion_time

    def _made(
        self, job: run_v2.Job, template: run_v2.ExecutionTemplate, who: str
    ) -> run_v2.Execution:
        now = self.google.now()
        execution = run_v2.Execution(
            name=self._book.name_execution(job.name),
            uid=str(uuid.uuid4()),
            creator=who,
            generation=1,
            observed_generation=1,
            labels={**job.labels, **template.labels},
            annotations=dict(template.annotations),
            create_time=now,
            update_time=now,
            job=job.name.rpartition("/")[2],
            parallelism=template.parallelism,
            task_count=template.task_count,
            template=template.template,
            reconciling=True,
            etag=etag(),
        )
        put(execution, condition(COMPLETED, GOING, now), condition(RESOURCES, PENDING, now))
        return execution

    def _task(self, execution: run_v2.Execution, index: int) -> run_v2.Task:
        now, template = self.google.now(), execution.template
        task = run_v2.Task(
            name=f"{execution.name}/tasks/{execution.name.rpartition('/')[2]}-task{index}",
            uid=str(uuid.uuid4()),
            generation=1,
            observed_generation=1,
            labels=dict(execution.labels),
            create_time=now,
            scheduled_time=now,
            update_time=now,
            job=execution.job,
            execution=execution.name.rpartition("/")[2],
            containers=template.containers,
            volumes=template.volumes,
            max_retries=template.max_retries,
            timeout=template.timeout,
            service_account=template.service_account,
            execution_environment=template.execution_environment,
            index=index,
            etag=etag(),
        )
        put(task, condition(COMPLETED, PENDING, now))
        return task

    # what the API asks for

    def get(self, asked: run_v2.GetExecutionRequest, _: Call) -> run_v2.Execution:
        self._spend("read")
        return run_v2.Execution(self._book.execution(self.google.by_id(asked.name)))

    def list(self, asked: run_v2.ListExecutionsRequest, _: Call) -> run_v2.ListExecutionsResponse:
        """The newest first."""
        self._spend("read")
        found = list(self._book.executions_of(self.google.by_id(asked.parent)))
        items, token = page(found, asked, LARGEST_PAGE, self.google.settings.page_items)
        return run_v2.ListExecutionsResponse(executions=items, next_page_token=token)

    def cancel(self, asked: run_v2.CancelExecutionRequest, _: Call) -> Any:
        """The operation ends when the execution has."""
        self._spend("write")
        name = self.google.by_id(asked.name)
        execution = self._book.execution(name)
        match_etag(asked.etag, execution.etag)
        if execution.completion_time:
            raise precondition(f"Execution '{name}' has completed and cannot be cancelled.")
        parent, now = name.partition("/jobs/")[0], self.google.now()
        if not asked.validate_only:
            put(execution, condition(COMPLETED, GOING, now, execution_reason=Reason.CANCELLING))
            self._lives[name].cancel()
        return self.google.operations.soon(
            parent, run_v2.Execution(execution), lambda: run_v2.Execution(execution)
        )

    def delete(self, asked: run_v2.DeleteExecutionRequest, _: Call) -> Any:
        """One that is running is cancelled first."""
        self._spend("write")
        name = self.google.by_id(asked.name)
        execution = self._book.execution(name)
        match_etag(asked.etag, execution.etag)
        if not execution.completion_time:
            raise precondition(f"Execution '{name}' is running: cancel it first.")

        def work() -> run_v2.Execution:
            self._book.forget(name)
            return run_v2.Execution(execution)

        parent = name.partition("/jobs/")[0]
        return self.google.operations.soon(parent, run_v2.Execution(execution), work)

    # inside

    @property
    def _book(self) -> RunBook:
        return self.google.of(RunBook)

    def _spend(self, kind: str) -> None:
        limit: int = getattr(self.google.settings, f"run_{kind}_quota")
        self.google.spend(f"run.googleapis.com/{kind}_requests", "run.googleapis.com", limit)
