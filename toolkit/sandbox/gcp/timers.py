"""Cloud Scheduler: jobs that call an address by the clock.

https://cloud.google.com/scheduler/docs/reference/rpc/google.cloud.scheduler.v1.  Of targets only HTTP ones are called, with
an OpenID Connect token where the job names an account.  Firing is in timer_clock.py.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError
from google.cloud import scheduler_v1
from google.protobuf import empty_pb2

from .accounts import Accounts
from .pages import page
from .refusals import already_exists, invalid, not_found
from .rpc import Call, Rpc, Service

if TYPE_CHECKING:
    from .cloud import Google

# https://cloud.google.com/scheduler/docs/reference/rest/v1/projects.locations.jobs#Job
DEADLINES = timedelta(seconds=15), timedelta(minutes=30)
DEFAULT_DEADLINE = timedelta(minutes=3)
LONGEST_DESCRIPTION, LONGEST_URI, MOST_RETRIES = 500, 2083, 5
LARGEST_PAGE = 500
FIELDS = 5  # of a schedule: no seconds, no year
_ID = re.compile(r"[A-Za-z0-9_-]{1,500}")
_MASKED = ("description", "http_target", "schedule", "time_zone", "retry_config", "attempt_deadline")  # fmt: skip


@dataclass(slots=True)
class TimerBook:
    """By name with the project's id."""

    jobs: dict[str, scheduler_v1.Job] = field(default_factory=dict)


class CloudScheduler(Service):
    """google.cloud.scheduler.v1.CloudScheduler."""

    def __init__(self, google: "Google") -> None:
        super().__init__(google)
        from .timer_clock import Clock

        self.clock = Clock(google, self)

    def rpcs(self) -> Mapping[str, Rpc]:
        own = "cloudscheduler.jobs"
        s = scheduler_v1
        return {
            "CreateJob": Rpc(s.CreateJobRequest, self.create, f"{own}.create", "parent"),
            "GetJob": Rpc(s.GetJobRequest, self.get, f"{own}.get"),
            "ListJobs": Rpc(s.ListJobsRequest, self.list, f"{own}.list", "parent"),
            "UpdateJob": Rpc(s.UpdateJobRequest, self.update, f"{own}.update", "job.name"),
            "DeleteJob": Rpc(s.DeleteJobRequest, self.delete, f"{own}.delete"),
            "RunJob": Rpc(s.RunJobRequest, self.run, f"{own}.run"),
        }

    def close(self) -> None:
        self.clock.close()

    def jobs(self) -> tuple[scheduler_v1.Job, ...]:
        """Those that the clock looks after."""
        with self.google.lock:
            return tuple(self._book.jobs.values())

    def get(self, asked: scheduler_v1.GetJobRequest, _: Call) -> scheduler_v1.Job:
        return scheduler_v1.Job(self._find(asked.name))

    def list(self, asked: scheduler_v1.ListJobsRequest, _: Call) -> scheduler_v1.ListJobsResponse:
        head = f"{self.google.by_id(asked.parent)}/jobs/"
        found = [job for name, job in self._book.jobs.items() if name.startswith(head)]
        items, token = page(found, asked, LARGEST_PAGE, self.google.settings.page_items)
        return scheduler_v1.ListJobsResponse(jobs=items, next_page_token=token)

    def create(self, asked: scheduler_v1.CreateJobRequest, call: Call) -> scheduler_v1.Job:
        parent = self.google.by_id(asked.parent)
        name = self.google.by_id(asked.job.name)
        head, _, id_ = name.rpartition("/jobs/")
        if head != parent or not _ID.fullmatch(id_):
            raise invalid("job.name", "must be PARENT/jobs/ and 1 to 500 of [A-Za-z0-9_-]")
        if name in self._book.jobs:
            raise already_exists(name, message=f"Job [{name}] already exists.")
        return self._kept(name, asked.job, call)

    def update(self, asked: scheduler_v1.UpdateJobRequest, call: Call) -> scheduler_v1.Job:
        name = self.google.by_id(asked.job.name)
        wanted = scheduler_v1.Job(self._find(name))
        for path in tuple(asked.update_mask.paths) or _MASKED:
            if path not in _MASKED:
                raise invalid("update_mask", f"'{path}' cannot be updated")
            setattr(wanted, path, getattr(asked.job, path))
        return self._kept(name, wanted, call)

    def delete(self, asked: scheduler_v1.DeleteJobRequest, _: Call) -> Any:
        job = self._find(asked.name)
        del self._book.jobs[job.name]
        return empty_pb2.Empty()

    def run(self, asked: scheduler_v1.RunJobRequest, _: Call) -> scheduler_v1.Job:
        """Now, whatever its schedule says; it is called after the answer."""
        job = self._find(asked.name)
        self.clock.soon(job)
        return scheduler_v1.Job(job)

    @property
    def _book(self) -> TimerBook:
        return self.google.of(TimerBook)

    def _find(self, name: str) -> scheduler_v1.Job:
        found = self._book.jobs.get(self.google.by_id(name))
        if found is None:
            raise not_found(name, message="Job not found.")
        return found

    def _kept(self, name: str, given: scheduler_v1.Job, call: Call) -> scheduler_v1.Job:
        """With Google's defaults.  Raises Refused."""
        job = scheduler_v1.Job(given)
        job.name, job.state = name, scheduler_v1.Job.State(scheduler_v1.Job.State.ENABLED)
        job.time_zone = job.time_zone or "UTC"
        job.attempt_deadline = job.attempt_deadline or DEFAULT_DEADLINE
        _check(job)
        self._check_account(job.http_target.oidc_token.service_account_email, call)
        job.user_update_time = self.google.now()
        self._book.jobs[name] = job
        return scheduler_v1.Job(job)

    def _check_account(self, email: str, call: Call) -> None:
        """https://cloud.google.com/scheduler/docs/http-target-auth: of the same project, and whoever makes the job may
        act as it."""
        if not email:
            return
        call.require(
            "iam.serviceAccounts.actAs", f"projects/{self.google.project}/serviceAccounts/{email}"
        )
        if email not in self.google.of(Accounts).by_email:
            raise not_found(email, message=f"The service account {email} was not found.")


def _check(job: scheduler_v1.Job) -> None:
    if len(job.description) > LONGEST_DESCRIPTION:
        raise invalid("job.description", f"more than {LONGEST_DESCRIPTION} characters")
    if not DEADLINES[0] <= job.attempt_deadline <= DEADLINES[1]:
        raise invalid("job.attempt_deadline", "must be 15 seconds to 30 minutes")
    if not 0 <= job.retry_config.retry_count <= MOST_RETRIES:
        raise invalid("job.retry_config.retry_count", f"must be 0 to {MOST_RETRIES}")
    uri = job.http_target.uri
    if not uri.startswith(("http://", "https://")) or len(uri) > LONGEST_URI:
        raise invalid("job.http_target.uri", f"an address of up to {LONGEST_URI} characters")
    _check_schedule(job)


def _check_schedule(job: scheduler_v1.Job) -> None:
    try:
        zone = ZoneInfo(job.time_zone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise invalid("job.time_zone", f"'{job.time_zone}' is not in the tz database") from error
    try:
        if len(job.schedule.split()) != FIELDS:
            raise CronSimError("five fields")
        CronSim(job.schedule, _any_moment(zone))
    except CronSimError as error:
        raise invalid(
            "job.schedule", f"'{job.schedule}' is no unix-cron", message="Schedule is not valid."
        ) from error


def _any_moment(zone: ZoneInfo) -> Any:
    from datetime import datetime

    return datetime(2026, 1, 1, tzinfo=zone)
