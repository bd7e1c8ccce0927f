"""Executions as runs: whose an execution is, how it is found again, and what is known of many at once.

An execution carries its job's labels and its own variables, among them the run's id: an execution cannot have a label of
its own (https://cloud.google.com/run/docs/reference/rest/v2/projects.locations.jobs/run).
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from toolkit.clouds import pages
from toolkit.clouds.gcp import GcpClients
from toolkit.clouds.gcp_errors import translated
from toolkit.core.errors import AlError, NotFound
from toolkit.core.gcp_names import GcpNames
from toolkit.core.run import RunHandle, RunId

from ._cloud_run_jobs import TIMEOUT, Jobs

SKEW = timedelta(minutes=5)  # how far the clocks of those who launch runs may be off
LONGEST = timedelta(hours=168) + SKEW  # nothing that was created before goes on
BUNCH = 100  # executions in one answer


class Runs:
    """The executions of an environment's jobs."""

    def __init__(self, clients: GcpClients, names: GcpNames, jobs: Jobs) -> None:
        self._clients, self._names, self._jobs = clients, names, jobs

    def find(self, run: RunId, job: str, since: datetime) -> RunHandle | None:
        """The run's execution in this job, created at `since` or later, whatever became of it."""
        try:
            for execution in self._created_since(job, since - SKEW):
                if run_id(execution) == run:
                    return self.handle(execution)
        except NotFound:
            return None
        return None

    def live(self, now: datetime) -> Iterator[RunHandle]:
        """Every run that goes on."""
        for execution in self._created_since("-", now - LONGEST, page=1000):
            if not execution.completion_time and (handle := self.handle(execution)):
                yield handle

    def look(self, handles: Sequence[RunHandle]) -> Mapping[RunId, Any | None]:
        """These runs' executions, None for one that is not there; several of one job are asked for together.  A handle
        of another run's execution is left out."""
        by_job: dict[str, list[RunHandle]] = {}
        for handle in handles:
            if "execution" in handle.ids:
                by_job.setdefault(handle.ids["job"], []).append(handle)
        found: dict[RunId, Any | None] = {}
        for job, group in by_job.items():
            found |= self._bunch(job, group) if len(group) > 1 else {}
            rest = {handle.run: self.get(handle) for handle in group if handle.run not in found}
            found |= {run: one for run, one in rest.items() if one is None or run_id(one) == run}
        return found

    def get(self, handle: RunHandle) -> Any | None:
        """The execution that the handle names; None when Cloud Run knows it no longer, or not yet."""
        try:
            with translated(f"looking at {handle.run}"):
                return self._executions.get_execution(name=self.path(handle), timeout=TIMEOUT)
        except NotFound:
            return None

    def other(self, handle: RunHandle) -> Any | None:
        """Another execution of the same run, the newest: a launch that arrived twice has made two, of which one works."""
        for execution in self._created_since(handle.ids["job"], launched(handle) - SKEW):
            if run_id(execution) == handle.run and execution.name != self.path(handle):
                return execution
        return None

    def task(self, execution: Any) -> Any | None:
        """Its one task, which alone has the exit code."""
        from google.cloud import run_v2

        try:
            with translated(f"looking at the task of {execution.name.rpartition('/')[2]}"):
                client = self._clients.client(run_v2.TasksClient)
                return next(iter(client.list_tasks(parent=execution.name, timeout=TIMEOUT)), None)
        except NotFound:
            return None

    def path(self, handle: RunHandle) -> str:
        return f"{self._jobs.path(handle.ids['job'])}/executions/{handle.ids['execution']}"

    def handle(self, execution: Any) -> RunHandle | None:
        """The run that an execution is, when it is ours."""
        run = run_id(execution)
        label = execution.labels.get("al-agent")
        if run is None or not self._names.owns(dict(execution.labels)):
            return None
        if label != self._names.labels(agent=run.agent)["al-agent"]:
            return None
        *_, job, _, name = execution.name.split("/")
        ids = {
            "job": job,
            "execution": name,
            "launched": str(int(execution.create_time.timestamp() * 1000)),
            **pages.of_execution(self._clients.cloud, name),
        }
        return RunHandle(runtime="cloud_run", run=run, agent=run.agent, ids=ids)

    def _bunch(self, job: str, handles: Sequence[RunHandle]) -> dict[RunId, Any]:
        """As many as one answer has of those that are asked for: for old ones it is cheaper to ask for each."""
        wanted = {handle.ids["execution"]: handle.run for handle in handles}
        oldest = min(launched(handle) for handle in handles)
        found: dict[RunId, Any] = {}
        try:
            for at, execution in enumerate(self._created_since(job, oldest - SKEW)):
                run = wanted.get(execution.name.rpartition("/")[2])
                if run is not None and run_id(execution) == run:
                    found[run] = execution
                if at + 1 >= BUNCH or len(found) == len(wanted):
                    break
        except NotFound:
            return {}
        return found

    def _created_since(self, job: str, since: datetime, page: int = BUNCH) -> Iterator[Any]:
        for execution in self._jobs.executions(job, page):
            if execution.create_time < since:
                return
            yield execution

    @property
    def _executions(self) -> Any:
        from google.cloud import run_v2

        return self._clients.client(run_v2.ExecutionsClient)


def run_id(execution: Any) -> RunId | None:
    """Which run's it is, by its variables; None for what somebody else has started."""
    for container in execution.template.containers:
        for variable in container.env:
            if variable.name == "AL_RUN_ID":
                try:
                    return RunId.parse(variable.value)
                except AlError:
                    return None
    return None


def launched(handle: RunHandle) -> datetime:
    from datetime import UTC

    return datetime.fromtimestamp(int(handle.ids["launched"]) / 1000, UTC)


def earliest(handle: RunHandle) -> int:
    """No line of the run is older, whatever clocks showed; epoch ms."""
    return max(0, int((launched(handle) - SKEW).timestamp() * 1000))
