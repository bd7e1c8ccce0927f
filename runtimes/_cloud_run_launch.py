"""Starting a run: one RunJob, which knows the run's id and the name of its secret, and no value (D1).

RunJob knows no request's id, so a run is started once by looking for it first, whenever somebody may have started it
before.  With `secrets = "mount"` a run has a job of its own, whose volume is the run's secret.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from toolkit.clouds.gcp import GcpClients
from toolkit.clouds.gcp_errors import class_of, translated
from toolkit.core.errors import (
    AccessDenied,
    AlError,
    Conflict,
    LaunchError,
    NotFound,
    Throttled,
    Unreachable,
)
from toolkit.core.gcp_names import GcpNames
from toolkit.core.retry import retrying
from toolkit.core.run import RunHandle, RunId, RunSpec

from . import _cloud_run_ends as ends
from . import _cloud_run_mount as mount
from ._cloud_run_definition import CONTAINER, task_seconds
from ._cloud_run_jobs import PROPAGATION, TIMEOUT, Jobs
from ._cloud_run_runs import Runs

RIGHTS = 100.0  # seconds for which a right on a job that was just made is waited for
FRESH = 10.0  # seconds after the making of a run's secret in which nobody else can have launched it
LOST = 10.0  # seconds in which an execution whose answer was lost is looked for
REMEMBERED = 10_000  # runs that this process has launched
SWEPT = timedelta(minutes=10)  # between two looks for jobs that somebody has left
_HINTS = {
    "AccessDenied": "this identity needs run.jobs.run and run.jobs.runWithOverrides; docs/gcp.md has the operator's roles",
}


class Launcher:
    """Of one environment."""

    def __init__(
        self,
        clients: GcpClients,
        names: GcpNames,
        jobs: Jobs,
        runs: Runs,
        *,
        clock: Callable[[], datetime],
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._clients, self._names, self._jobs, self._runs = clients, names, jobs, runs
        self._clock, self._sleep = clock, sleep
        self._sent: dict[RunId, None] = {}
        self._swept: datetime | None = None

    def launch(self, spec: RunSpec) -> RunHandle:
        """Raises LaunchError, or Unreachable when it may have started all the same."""
        if self._clients.cloud.mount_secrets:
            return self._mounted(spec)
        job = job_of(spec.definition)
        if self._may_be_known(spec) and (found := self._find(spec, job)):
            return found
        return self._run(spec, job, self._overrides(spec))

    def own_job(self, run: RunId) -> str:
        """The id of the job that a run has for itself."""
        return mount.job_of_run(self._names, run)

    # one of the agent's job

    def _may_be_known(self, spec: RunSpec) -> bool:
        """A run is launched as soon as its secret is made; who comes later, or again, may not be the first."""
        age = (self._clock() - spec.lease.created).total_seconds()
        return spec.run in self._sent or not 0 <= age < FRESH

    def _run(self, spec: RunSpec, job: str, overrides: Any) -> RunHandle:
        from google.cloud import run_v2

        self._remember(spec.run)
        request = run_v2.RunJobRequest(name=self._jobs.path(job), overrides=overrides)
        try:
            execution = retrying(
                lambda: self._sent_off(spec, request),
                seconds=RIGHTS,
                first=2,
                longest=15,
                retry=lambda error: isinstance(error, AccessDenied) and self._is_new(job),
                sleep=self._sleep,
            )
        except Unreachable as error:
            return self._after_a_lost_answer(spec, job, error)
        except AlError as error:
            raise self._refused(error, job) from error
        return self._handle(execution, spec)

    def _sent_off(self, spec: RunSpec, request: Any) -> Any:
        from google.cloud import run_v2

        with translated(f"launching {spec.run}", hints=_HINTS):
            client = self._clients.client(run_v2.JobsClient)
            # the operation's result comes when the run has ended, its metadata at once
            return client.run_job(request=request, timeout=TIMEOUT).metadata

    def _is_new(self, job: str) -> bool:
        """Whether rights on it, which the gateway is given when it is made, may not be known everywhere."""
        with suppress(AccessDenied):
            live = self._jobs.look(job)
            return bool(live and (self._clock() - live.create_time).total_seconds() < PROPAGATION)
        return False

    def _overrides(self, spec: RunSpec) -> dict[str, Any]:
        """https://cloud.google.com/run/docs/execute/jobs#override-job-configuration."""
        variables = {"AL_RUN_ID": str(spec.run), "AL_SECRET": spec.lease.ref.name}
        env = [{"name": name, "value": value} for name, value in variables.items()]
        return {
            "container_overrides": [{"name": CONTAINER, "env": env}],
            "timeout": {"seconds": task_seconds(spec.timeout)},
        }

    def _handle(self, execution: Any, spec: RunSpec) -> RunHandle:
        if (handle := self._runs.handle(execution)) is None:
            raise LaunchError(
                f"{spec.run} was started from a job that is not this environment's",
                hint="run `al push` again: somebody has changed the job's labels",
            )
        return handle

    def _after_a_lost_answer(self, spec: RunSpec, job: str, lost: Unreachable) -> RunHandle:
        """The run that was started all the same; raises `lost` where none is to be seen."""

        def look() -> RunHandle:
            if found := self._find(spec, job):
                return found
            raise lost

        try:
            return retrying(look, seconds=LOST, first=0.5, longest=3, sleep=self._sleep)
        except AlError as error:
            raise lost from error

    def _find(self, spec: RunSpec, job: str) -> RunHandle | None:
        return self._runs.find(spec.run, job, spec.lease.created)

    def _refused(self, error: AlError, job: str) -> AlError:
        """What is wrong with the job, where that is why."""
        if isinstance(error, NotFound):
            return _not_pushed(job)
        if not (isinstance(error, Conflict) and class_of(error) == "FailedPrecondition"):
            return ends.refused(error)
        live = self._jobs.look(job)
        if live is None:
            return _not_pushed(job)
        return (
            ends.changing(job) if live.reconciling else ends.unready(job, live.terminal_condition)
        )

    def _remember(self, run: RunId) -> None:
        self._sent[run] = None
        if len(self._sent) > REMEMBERED:
            self._sent.pop(next(iter(self._sent)))

    # one with a job of its own

    def _mounted(self, spec: RunSpec) -> RunHandle:
        self._sweep_now_and_then()
        job, version = self.own_job(spec.run), job_of(spec.definition)
        if (live := self._jobs.look(version)) is None:
            raise _not_pushed(version)
        try:
            self._jobs.ensure(mount.own(self._names, live, spec, job))
            return self._find(spec, job) or self._run(spec, job, None)
        except Unreachable:
            raise  # it may have started: its job goes when its end is known
        except AlError as error:
            try:
                self._jobs.delete(job)
            except AlError as other:
                error.add_note(
                    f"the job {job} is left behind ({other.message}); a later run removes it"
                )
            raise

    def _sweep_now_and_then(self) -> None:
        """Jobs whose launchers died before they were removed; what cannot be removed now is removed later."""
        moment = self._clock()
        if self._swept is not None and moment - self._swept < SWEPT:
            return
        self._swept = moment
        for live in [job for job in self._jobs.ours() if mount.is_left(job, moment)]:
            with suppress(Unreachable, Throttled, Conflict):
                self._jobs.delete(live.name.rpartition("/")[2])


def job_of(definition: str) -> str:
    """The job's id in the reference of a definition, `job:generation`."""
    return definition.rpartition(":")[0]


def _not_pushed(job: str) -> NotFound:
    """What push recorded, so somebody has deleted it, and a push that believes the record would leave it so."""
    return NotFound(f"there is no job {job}", hint="`al push -a` makes again what was deleted")
