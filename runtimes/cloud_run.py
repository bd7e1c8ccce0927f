"""Runs on Google Cloud Run: one job per version of an agent, one execution per run (D1, D11).

A push makes the job; launching is one RunJob with the run's id and the name of its secret, whose value never passes through
here.  State and exit code come from the execution and its task; what the container reports comes from its log, since it may
write nowhere else.  What Cloud Run says is read in _cloud_run_ends.py.
"""

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from toolkit.clouds import gcp_callers as callers
from toolkit.clouds import gcp_logs
from toolkit.clouds.gcp import GcpClients, cloud_of, gcp_clients_for
from toolkit.clouds.gcp_log_entries import event
from toolkit.clouds.gcp_log_filters import between, for_people, of_execution, of_jobs
from toolkit.clouds.gcp_runs import run_grants
from toolkit.core.agent import Agent
from toolkit.core.clock import from_iso, now
from toolkit.core.environment import GcpCloud
from toolkit.core.errors import AccessDenied, Conflict, Throttled, Unreachable
from toolkit.core.gcp_names import GcpNames
from toolkit.core.logs import LogEvent
from toolkit.core.plan import Grant, Item
from toolkit.core.ports import Context
from toolkit.core.retry import retrying
from toolkit.core.run import (
    UNCLAIMED,
    Cause,
    Mailbox,
    Run,
    RunHandle,
    RunId,
    RunSpec,
    RunState,
    RunStatus,
)

from . import _cloud_run_definition as wanted
from . import _cloud_run_ends as ends
from . import _cloud_run_mount as mount
from ._cloud_run_jobs import Jobs
from ._cloud_run_launch import Launcher, job_of
from ._cloud_run_live import Live
from ._cloud_run_runs import Runs, earliest, launched
from ._cloud_run_tails import Tails

NOT_SEEN_YET = timedelta(minutes=1)  # in which a new execution may be unknown
LATE = 15.0  # seconds that a report has to arrive in after its run's end: logs lag
CANCELLING = 15.0  # seconds in which a cancellation is to be seen
STOP_SECONDS = 10  # between SIGTERM and SIGKILL: https://cloud.google.com/run/docs/container-contract#lifecycle-jobs


class CloudRun:
    """The runtime plug-in `cloud_run`.  Making one costs nothing: clients are made when used."""

    limits = wanted.LIMITS

    def __init__(
        self,
        context: Context,
        *,
        clock: Callable[[], datetime] = now,
        sleep: Callable[[float], None] = time.sleep,
        late: float = LATE,
    ) -> None:
        self._context, self._clock, self._sleep, self._late = context, clock, sleep, late

    # at push

    def check(self, agent: Agent) -> Sequence[str]:
        return wanted.refusals(agent)

    def definition(self, agent: Agent, image: str) -> Item:
        return wanted.definition(self._context, self.cloud, agent, image)

    def grants(self, agent: Agent) -> tuple[Grant, ...]:
        return run_grants(self._google, agent.name)

    def define(self, item: Item) -> str:
        """`job:generation`, once the job can be run, by the gateway too."""
        generation = self._jobs.ensure(item).generation
        callers.allow(self.clients, self._google, item.name, sleep=self._sleep)
        return f"{item.name}:{generation}"

    def trouble(self, definition: str) -> str:
        job, _, generation = definition.rpartition(":")
        live = self._jobs.look(job)
        if live is None:
            return f"the job {job} is gone"
        if str(live.generation) != generation:
            return f"somebody has changed the job {job}: it is at generation {live.generation}, not {generation}"
        return "" if ends.is_ready(live) else ends.unready(job, live.terminal_condition).message

    def prune(self, agent: str, keep: Collection[str]) -> tuple[str, ...]:
        """Delete the agent's jobs that are not in `keep`, and those of runs that are over; the references of the former.

        A job with a run in progress is left for the next time, and with none to keep its runs are cancelled: an execution
        cannot outlive its job.
        """
        kept, pruned = {job_of(reference) for reference in keep}, []
        for live in list(self._jobs.of_agent(agent)):
            job = live.name.rpartition("/")[2]
            if not keep or (job not in kept and self._is_unneeded(live, job)):
                self._jobs.remove(job)
                pruned += [] if mount.is_for_one(live) else [f"{job}:{live.generation}"]
        return tuple(pruned)

    # a run

    def launch(self, spec: RunSpec) -> RunHandle:
        return self._launcher.launch(spec)

    def states(self, handles: Sequence[RunHandle]) -> Mapping[RunId, RunStatus]:
        looked = self._runs.look(handles)
        found = {run: execution for run, execution in looked.items() if execution is not None}
        by_run = {handle.run: handle for handle in handles}
        answers = {run: self._status(execution) for run, execution in found.items()}
        for run in [run for run, status in answers.items() if status.exit_code == UNCLAIMED]:
            found[run] = self._runs.other(by_run[run]) or found[run]
            answers[run] = self._status(found[run])
        over = {run: by_run[run] for run, status in answers.items() if status.state.final}
        boxes = self._boxes(over)
        for run in over:
            told = replace(answers[run], mailbox=boxes.get(run))
            answers[run] = _PENDING if self._is_awaited(told, found[run]) else told
        absent = [by_run[run] for run in looked if run not in found]
        return answers | {handle.run: _UNSEEN for handle in absent if self._is_young(handle)}

    def stop(self, handle: RunHandle) -> str:
        """Cancelled, until Cloud Run says so itself: an answer may get lost."""
        handle = self._at_work(handle)
        if self._is_over(handle):
            return f"{handle.run} was already over"

        def cancelled() -> None:
            self._jobs.cancel(self._runs.path(handle))
            execution = self._runs.get(handle)
            if execution and not ends.is_over(execution) and not ends.is_cancelled(execution):
                said = f"Cloud Run has not begun to cancel {handle.run}"
                raise Unreachable(said, hint="stop it again")

        retrying(cancelled, seconds=CANCELLING, sleep=self._sleep)
        return f"Cloud Run is stopping {handle.run}: SIGTERM now, SIGKILL after {STOP_SECONDS} s"

    def logs(self, handle: RunHandle, *, since: int = 0) -> Iterator[LogEvent]:
        return self._live.events(handle, since) if "execution" in handle.ids else iter(())

    def tail(self, handle: RunHandle, *, before: int | None = None) -> Iterator[LogEvent]:
        if "execution" not in handle.ids:
            return iter(())
        return self._tails.events(handle, before)

    def running(self) -> Iterable[RunHandle]:
        """Executions that go on, those that wait for their container included."""
        return self._runs.live(self._clock())

    def find(self, run: Run) -> RunHandle | None:
        """core.ports.Remembers: Cloud Run keeps executions for a week."""
        own = self._launcher.own_job(run.id) if self.cloud.mount_secrets else ""
        job = own or job_of(run.definition)
        return self._runs.find(run.id, job, from_iso(run.created)) if job else None

    def clear(self, run: RunId) -> None:
        """core.ports.MakesForOne: with `secrets = "mount"` a run has a job of its own."""
        if not self.cloud.mount_secrets:
            return
        job = self._launcher.own_job(run)
        try:
            self._jobs.delete(job)
        except Conflict:  # it goes on, although its end is recorded: what it needs is gone
            for execution in self._jobs.busy(job):
                self._jobs.cancel(execution)

    # what they are made of

    @cached_property
    def cloud(self) -> GcpCloud:
        return cloud_of(self._context.environment)

    @cached_property
    def clients(self) -> GcpClients:
        return gcp_clients_for(self.cloud)

    @cached_property
    def _ended(self) -> dict[str, datetime]:
        """When an execution whose report is awaited was first seen to be over."""
        return {}

    @cached_property
    def _google(self) -> GcpNames:
        return GcpNames(self._context.environment.scope)

    @cached_property
    def _jobs(self) -> Jobs:
        return Jobs(self.clients, self._google, sleep=self._sleep)

    @cached_property
    def _runs(self) -> Runs:
        return Runs(self.clients, self._google, self._jobs)

    @cached_property
    def _launcher(self) -> Launcher:
        parts = (self.clients, self._google, self._jobs, self._runs)
        return Launcher(*parts, clock=self._clock, sleep=self._sleep)

    @cached_property
    def _live(self) -> Live:
        return Live(lambda: self.clients, lambda handle, since: self._listed(handle, since=since))

    @cached_property
    def _tails(self) -> Tails:
        def listed(handle: RunHandle, before: int | None) -> Iterator[LogEvent]:
            return self._listed(handle, before=before, newest_first=True)

        return Tails(listed, self._newest)

    def _newest(self, job: str, before: int | None) -> Iterator[Any]:
        """All that the job's runs have printed for people, newest first."""
        wanted = for_people(of_jobs(self.cloud, (job,))) + between(0, before)
        doing = f"reading the log of {job}"
        return gcp_logs.entries(self.clients, wanted, newest_first=True, doing=doing)

    def _listed(
        self,
        handle: RunHandle,
        *,
        since: int = 0,
        before: int | None = None,
        newest_first: bool = False,
    ) -> Iterator[LogEvent]:
        mine = of_execution(self.cloud, handle.ids["job"], handle.ids["execution"])
        found = gcp_logs.entries(
            self.clients,
            mine + between(max(since, earliest(handle)), before),
            newest_first=newest_first,
            doing=f"reading the log of {handle.run}",
        )
        return (event(entry, str(handle.run)) for entry in found)

    def _status(self, execution: Any) -> RunStatus:
        over = ends.is_over(execution) and not ends.succeeded(execution)
        return ends.status_of(execution, self._runs.task(execution) if over else None)

    def _boxes(self, over: Mapping[RunId, RunHandle]) -> Mapping[str, Mailbox]:
        """What these runs noted.  Their end is known without it, so a log that cannot be read does not hide it."""
        if not over:
            return {}
        jobs = {str(run): handle.ids["job"] for run, handle in over.items()}
        try:
            return gcp_logs.mailboxes(self.clients, jobs, since=min(map(earliest, over.values())))
        except (AccessDenied, Throttled, Unreachable):
            return {}

    def _is_awaited(self, told: RunStatus, execution: Any) -> bool:
        """Whether the run has reported and its report is still on its way: by Google's clock, and by ours where that one
        is ahead."""
        reported = told.mailbox is not None and told.mailbox.report is not None
        mute = told.exit_code in (None, UNCLAIMED) or told.cause is Cause.OUT_OF_MEMORY
        if reported or mute:
            self._ended.pop(execution.name, None)
            return False
        moment = self._clock()
        seen = self._ended.setdefault(execution.name, moment)
        ended = min(ends.ended_at(execution) or seen, seen)
        return (moment - ended).total_seconds() < self._late

    def _is_unneeded(self, live: Any, job: str) -> bool:
        if mount.is_for_one(live):
            return mount.is_left(live, self._clock())
        return not self._jobs.busy(job)

    def _is_young(self, handle: RunHandle) -> bool:
        return self._clock() - launched(handle) < NOT_SEEN_YET

    def _at_work(self, handle: RunHandle) -> RunHandle:
        """Where the run works: in its other execution, where its launch has arrived twice and this one came too late."""
        late = self._is_over(handle) and self._runs.other(handle)
        return (self._runs.handle(late) if late else None) or handle

    def _is_over(self, handle: RunHandle) -> bool:
        execution = self._runs.get(handle)
        return execution is None or ends.is_over(execution)


_UNSEEN = RunStatus(state=RunState.STARTING, reason="launched; Cloud Run does not list it yet")
_PENDING = RunStatus(state=RunState.RUNNING, reason="it has ended; its report is on its way")


PLUGIN = CloudRun
