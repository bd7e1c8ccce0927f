"""Cloud Run Jobs: what is to be run, and RunJob, which runs it.

https://cloud.google.com/run/docs/reference/rpc/google.cloud.run.v2#jobs.  A change of a job is an operation; a run before it
is done is refused.  What happens to an execution is executions.py's.
"""

import uuid
from collections.abc import Mapping
from typing import Any

from google.cloud import run_v2

from . import policies
from .executions import Executions
from .pages import page
from .refusals import Refused, already_exists, exhausted, precondition
from .rpc import Call, Rpc, Service
from .run_access import check_account, default_account, problems
from .run_book import RunBook, etag, match_etag
from .run_checks import job_violations, refuse
from .run_conditions import DONE, FAILED, GOING, READY, condition, ready
from .run_overrides import execution_template, override_violations

SERVICE = "run.googleapis.com"
LARGEST_PAGE = 1000
_SECOND_GENERATION = run_v2.ExecutionEnvironment.EXECUTION_ENVIRONMENT_GEN2
MOST_JOBS = 1000  # https://cloud.google.com/run/quotas
_KEPT = (
    "name",
    "uid",
    "generation",
    "create_time",
    "creator",
    "execution_count",
    "latest_created_execution",
)


class Jobs(Service):
    """google.cloud.run.v2.Jobs."""

    def rpcs(self) -> Mapping[str, Rpc]:
        return {
            "CreateJob": Rpc(run_v2.CreateJobRequest, self.create, "run.jobs.create", "parent"),
            "GetJob": Rpc(run_v2.GetJobRequest, self.get, "run.jobs.get"),
            "ListJobs": Rpc(run_v2.ListJobsRequest, self.list, "run.jobs.list", "parent"),
            "UpdateJob": Rpc(run_v2.UpdateJobRequest, self.update, "run.jobs.update", "job.name"),
            "DeleteJob": Rpc(run_v2.DeleteJobRequest, self.delete, "run.jobs.delete"),
            "RunJob": Rpc(run_v2.RunJobRequest, self.run, "run.jobs.run"),
            **policies.rpcs(self.google, self._exists, "run.jobs"),
        }

    def get(self, asked: run_v2.GetJobRequest, _: Call) -> run_v2.Job:
        self.spend("read")
        return run_v2.Job(self._book.job(self.google.by_id(asked.name)))

    def list(self, asked: run_v2.ListJobsRequest, _: Call) -> run_v2.ListJobsResponse:
        self.spend("read")
        parent = self.google.by_id(asked.parent)
        found = [job for name, job in self._book.jobs.items() if name.startswith(f"{parent}/jobs/")]
        jobs, token = page(found, asked, LARGEST_PAGE, self.google.settings.page_items)
        return run_v2.ListJobsResponse(jobs=jobs, next_page_token=token)

    def create(self, asked: run_v2.CreateJobRequest, call: Call) -> Any:
        self.spend("write")
        name = f"{self.google.by_id(asked.parent)}/jobs/{asked.job_id}"
        job = self._checked(asked.job_id, asked.job, call)
        if name in self._book.jobs:
            raise already_exists(name, message=f"Resource '{asked.job_id}' already exists.")
        if len(self._book.jobs) >= MOST_JOBS:
            raise exhausted("run.googleapis.com/jobs", SERVICE, MOST_JOBS)
        now = self.google.now()
        job.name, job.uid, job.create_time, job.creator = name, str(uuid.uuid4()), now, _who(call)
        return self._kept(job, call, validate_only=asked.validate_only)

    def update(self, asked: run_v2.UpdateJobRequest, call: Call) -> Any:
        """The whole of the job is replaced: version 2 of the API has no mask for jobs."""
        self.spend("write")
        name = self.google.by_id(asked.job.name)
        if name not in self._book.jobs and asked.allow_missing:
            parent, _, job_id = name.rpartition("/jobs/")
            call.require("run.jobs.create", parent)
            return self.create(
                run_v2.CreateJobRequest(parent=parent, job_id=job_id, job=asked.job), call
            )
        current = self._book.job(name)
        match_etag(asked.job.etag, current.etag)
        job = self._checked(name.rpartition("/")[2], asked.job, call)
        for field in _KEPT:
            setattr(job, field, getattr(current, field))
        return self._kept(job, call, validate_only=asked.validate_only)

    def delete(self, asked: run_v2.DeleteJobRequest, _: Call) -> Any:
        self.spend("write")
        name = self.google.by_id(asked.name)
        job = self._book.job(name)
        match_etag(asked.etag, job.etag)
        if any(not e.completion_time for e in self._book.executions_of(name)):
            raise precondition(f"Job '{name}' has running executions: cancel them first.")
        parent = name.partition("/jobs/")[0]

        def work() -> run_v2.Job:
            gone: run_v2.Job = self._book.jobs.pop(name)
            for execution in [e.name for e in self._book.executions_of(name)]:
                self._book.forget(execution)
            policies.PolicyBook(self.google).forget(self.google.canonical(name))
            gone.delete_time = self.google.now()
            return gone

        return self.google.operations.soon(parent, run_v2.Job(job), work)

    def run(self, asked: run_v2.RunJobRequest, call: Call) -> Any:
        """The operation goes on until the execution has ended; its metadata is the execution from the first answer on."""
        self.spend("job")
        name = self.google.by_id(asked.name)
        job = self._book.job(name)
        if "overrides" in asked:
            call.require("run.jobs.runWithOverrides", name)
        match_etag(asked.etag, job.etag)
        refuse(override_violations(asked.overrides, job.template))
        if not ready(job):
            why = job.terminal_condition.message or "its last change is still being carried out"
            raise precondition(f"Job '{name}' is not ready and cannot be run: {why}")
        if self._book.running() >= self.google.settings.running_executions:
            limit = self.google.settings.running_executions
            raise exhausted("run.googleapis.com/running_job_executions", SERVICE, limit)
        template = execution_template(job.template, asked.overrides)
        return self.google.served(Executions).begin(
            job, template, _who(call), dry=asked.validate_only
        )

    # inside

    @property
    def _book(self) -> RunBook:
        return self.google.of(RunBook)

    def spend(self, kind: str) -> None:
        limits = self.google.settings
        limit = {"read": limits.run_read_quota, "write": limits.run_write_quota}
        self.google.spend(
            f"{SERVICE}/{kind}_requests", SERVICE, limit.get(kind, limits.run_job_quota)
        )

    def _exists(self, name: str) -> bool:
        return self.google.by_id(name) in self._book.jobs

    def _checked(self, job_id: str, given: run_v2.Job, call: Call) -> run_v2.Job:
        """A copy with Google's defaults.  Raises Refused."""
        refuse(job_violations(job_id, given))
        job = run_v2.Job(given)
        task = job.template.template
        job.template.task_count = job.template.task_count or 1
        if "max_retries" not in task:
            task.max_retries = 3  # https://cloud.google.com/run/docs/configuring/max-retries
        if "timeout" not in task:
            task.timeout = {
                "seconds": 600
            }  # https://cloud.google.com/run/docs/configuring/task-timeout
        for container in task.containers:
            container.resources.limits = {"cpu": "1000m", "memory": "512Mi"} | dict(
                container.resources.limits
            )
        task.service_account = task.service_account or default_account(self.google)
        task.execution_environment = run_v2.ExecutionEnvironment(_SECOND_GENERATION)
        check_account(self.google, task.service_account, call)
        return job

    def _kept(self, job: run_v2.Job, call: Call, *, validate_only: bool) -> Any:
        """Keep the job as reconciling; the operation makes it ready, or says why not."""
        now, parent = self.google.now(), job.name.partition("/jobs/")[0]
        current = self._book.jobs.get(job.name)
        job.generation = job.generation + 1 if _differs(job, current) else job.generation
        job.update_time, job.last_modifier, job.etag = now, _who(call), etag()
        if validate_only:
            return self.google.operations.soon(parent, job, lambda: job)
        job.reconciling = True
        job.observed_generation = current.observed_generation if current else 0
        job.terminal_condition = condition(READY, GOING, now)
        self._book.jobs[job.name] = job
        generation = job.generation
        return self.google.operations.soon(
            parent, run_v2.Job(job), lambda: self._reconciled(job.name, generation)
        )

    def _reconciled(self, name: str, generation: int) -> run_v2.Job:
        job = self._book.job(name)
        if job.generation != generation:
            return run_v2.Job(
                job
            )  # another change came in between, and has an operation of its own
        task = job.template.template
        problem = next(iter(problems(self.google, task, task.service_account)), None)
        job.reconciling, job.observed_generation = False, generation
        now = self.google.now()
        if problem:
            job.terminal_condition = condition(
                READY, FAILED, now, problem.message, reason=problem.reason
            )
            raise Refused(problem.code, problem.message)
        job.terminal_condition = condition(READY, DONE, now)
        return run_v2.Job(job)


def _differs(job: run_v2.Job, current: run_v2.Job | None) -> bool:
    """Whether what the user wants has changed."""
    if current is None:
        return True
    fields = ("template", "labels", "annotations", "launch_stage", "binary_authorization")
    return any(getattr(job, field) != getattr(current, field) for field in fields)


def _who(call: Call) -> str:
    return call.caller.email or "operator@example.com"
