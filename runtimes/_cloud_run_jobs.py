"""Jobs of Cloud Run: made, waited for until they can be run, looked at, removed.

Each change is an operation that goes on after its answer, and a job that is still changing refuses to run
(https://cloud.google.com/run/docs/reference/rest/v2/projects.locations.jobs).  Every step may have been done before by a
process that died, so each looks first.  What is not ours is never changed.
"""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

from toolkit.clouds.gcp import GcpClients
from toolkit.clouds.gcp_errors import class_of, translated
from toolkit.core.errors import (
    AccessDenied,
    AlError,
    AlreadyExists,
    Conflict,
    NotFound,
    Unreachable,
)
from toolkit.core.gcp_names import GcpNames
from toolkit.core.plan import Item
from toolkit.core.retry import retrying
from toolkit.core.waits import waiting

from . import _cloud_run_ends as ends

TIMEOUT = 60.0  # seconds for one call
READY_SECONDS = 300.0  # a change normally takes a few
# "typically within 2 minutes, potentially 7 minutes or longer": https://cloud.google.com/iam/docs/access-change-propagation
PROPAGATION = 7 * 60.0
# one who may never act as the account should not wait as long as one whose new account is not known everywhere yet
REFUSED_SECONDS = 120.0
GONE_SECONDS = 60.0  # SIGKILL comes 10 s after SIGTERM, and then the end is written down
PAGE = 1000
MARK = "al-mark"  # the label that says by what an existing job was made


class Jobs:
    """The jobs of an environment."""

    def __init__(
        self, clients: GcpClients, names: GcpNames, *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._clients, self._names, self._sleep = clients, names, sleep

    def ensure(self, item: Item) -> Any:
        """The job that is `item`, made or corrected, once it can be run.  Raises Conflict for one that is not ours."""

        def ensured() -> Any:
            return self._patiently(lambda: self._ensured(item), REFUSED_SECONDS, _may_pass_soon)

        return self._patiently(ensured, PROPAGATION, _unknown_rights)

    def look(self, job: str) -> Any | None:
        """The job as it is now, by its id; None when there is none."""
        try:
            with translated(f"looking at the job {job}"):
                return self._client.get_job(name=self.path(job), timeout=TIMEOUT)
        except NotFound:
            return None

    def of_agent(self, agent: str) -> Iterator[Any]:
        """All of the agent's jobs that are ours.  The API cannot look for labels, so the region's jobs are gone through."""
        label = self._names.labels(agent=agent)["al-agent"]
        return (job for job in self.ours() if job.labels.get("al-agent") == label)

    def ours(self) -> Iterator[Any]:
        """All of the environment's jobs."""
        with translated("listing the jobs"):
            request = {"parent": self._clients.location, "page_size": PAGE}
            for job in self._client.list_jobs(request=request, timeout=TIMEOUT):
                if self._names.owns(dict(job.labels)):
                    yield job

    def executions(self, job: str, page: int = 100) -> Iterator[Any]:
        """The newest first, in pages that are fetched as they are needed; `-` means of all jobs of the region."""
        with translated(f"listing the executions of {job}"):
            request = {"parent": self.path(job), "page_size": page}
            yield from self._executions.list_executions(request=request, timeout=TIMEOUT)

    def busy(self, job: str) -> list[str]:
        """The names of its executions that go on."""
        try:
            return [one.name for one in self.executions(job) if not one.completion_time]
        except NotFound:
            return []

    def cancel(self, execution: str) -> None:
        """Begin to end it.  One that is over, or gone, is fine."""
        try:
            with translated(f"cancelling {execution.rpartition('/')[2]}"):
                self._executions.cancel_execution(name=execution, timeout=TIMEOUT)
        except NotFound:
            return
        except Conflict as error:
            if class_of(error) != "FailedPrecondition":
                raise

    def remove(self, job: str) -> None:
        """Cancel what runs, wait for its end, delete the job, and wait until its name is free.  One that is gone is fine.
        Raises Unreachable while something of it still goes on."""

        def gone() -> None:
            for execution in (busy := self.busy(job)):
                self.cancel(execution)
            if busy:
                said = f"{job} still has {len(busy)} runs that are ending"
                raise _NotYet(said, hint=_NotYet.wait)
            if self.look(job) is not None:
                self.delete(job)
                if self.look(job) is not None:
                    raise _NotYet(f"{job} is still being deleted", hint=_NotYet.wait)

        retrying(gone, seconds=GONE_SECONDS, first=0.5, longest=5, retry=_passes, sleep=self._sleep)

    def delete(self, job: str) -> None:
        """Begin to.  Its executions are forgotten with it; their logs stay.  Raises Conflict while something runs."""
        try:
            with translated(f"deleting the job {job}"):
                self._client.delete_job(name=self.path(job), timeout=TIMEOUT)
        except NotFound:
            return

    def path(self, job: str) -> str:
        return f"{self._clients.location}/jobs/{job}"

    # making one

    def _ensured(self, item: Item) -> Any:
        live, wanted = self.look(item.name), self._message(item)
        if live is not None and not self._names.owns(dict(live.labels)):
            raise Conflict(
                f"the job {item.name} exists and does not carry al's labels",
                hint="delete it, or give it the labels al-managed, al-project and al-environment",
            )
        if live is None:
            return self._ready(item.name, self._create(item, wanted))
        if not _same(live, wanted) or _failed(live):
            return self._ready(item.name, self._update(live, wanted))
        return self._ready(item.name) if live.reconciling else live

    def _patiently(
        self, call: Callable[[], Any], seconds: float, refused: Callable[[AlError], bool]
    ) -> Any:
        """`call()`, again while `refused` says that this may pass; the wait is said once."""
        said: list[str] = []

        def retry(error: AlError) -> bool:
            if refused(error) and not said:
                said.append(error.message)
                waiting(f"waiting up to {seconds:.0f} s, since this may pass: {error.message}")
            return refused(error)

        return retrying(call, seconds=seconds, first=2, longest=15, retry=retry, sleep=self._sleep)

    def _create(self, item: Item, wanted: Any) -> Any | None:
        try:
            with translated(f"creating the job {item.name}"):
                return self._client.create_job(
                    parent=self._clients.location, job=wanted, job_id=item.name, timeout=TIMEOUT
                )
        except AlreadyExists:  # by a request of ours whose answer was lost, or by another push
            return None

    def _update(self, live: Any, wanted: Any) -> Any:
        wanted.name, wanted.etag = live.name, live.etag
        with translated(f"updating the job {live.name.rpartition('/')[2]}"):
            return self._client.update_job(job=wanted, timeout=TIMEOUT)

    def _ready(self, job: str, operation: Any | None = None) -> Any:
        """Wait until its last change has been made; the operation's own end is only asked for while there is no job."""

        def look() -> Any:
            live = self.look(job)
            if live is None or live.reconciling:
                _raise_end_of(operation, job)
                raise _NotYet(f"the job {job} is still being changed", hint=_NotYet.wait)
            if _failed(live):
                raise ends.unready(job, live.terminal_condition)
            return live

        return retrying(
            look,
            seconds=READY_SECONDS,
            longest=3,
            retry=lambda error: isinstance(error, Unreachable),
            sleep=self._sleep,
        )

    def _message(self, item: Item) -> Any:
        from google.cloud import run_v2

        wanted = run_v2.Job.from_json(json.dumps(item.attributes))
        wanted.labels[MARK] = item.name.rpartition("-")[2]
        return wanted

    @property
    def _client(self) -> Any:
        from google.cloud import run_v2

        return self._clients.client(run_v2.JobsClient)

    @property
    def _executions(self) -> Any:
        from google.cloud import run_v2

        return self._clients.client(run_v2.ExecutionsClient)


class _NotYet(Unreachable):
    """It is still changing: temporary."""

    wait = "wait a minute and run the command again"


def _passes(error: AlError) -> bool:
    """What a job that is changing refuses, it takes a moment later."""
    return error.temporary or class_of(error) in ("FailedPrecondition", "Aborted")


def _same(live: Any, wanted: Any) -> bool:
    """Whether a job is the one that we want: made by us of the same contents, and its image not changed since."""
    mine, image = live.labels.get(MARK) == wanted.labels[MARK], _image(live)
    return bool(mine and image == _image(wanted))


def _image(job: Any) -> str:
    return str(job.template.template.containers[0].image)


def _failed(live: Any) -> bool:
    from google.cloud import run_v2

    return not live.reconciling and (
        live.terminal_condition.state == run_v2.Condition.State.CONDITION_FAILED
    )


def _raise_end_of(operation: Any | None, job: str) -> None:
    """Raises why an operation has failed, if it has: a job whose creation failed may not be there at all."""
    if operation is None:
        return
    with translated(f"waiting for the job {job}"):
        if operation.done() and (error := operation.exception()) is not None:
            raise error


def _unknown_rights(error: AlError) -> bool:
    """Refused for rights of the account, which may have been given a moment ago and not be known everywhere."""
    said = error.message
    absent = "ervice account" in said and "does not exist" in said
    refused = "ermission denied on secret" in said
    # a reason without its sentence; a secret that is not there does not come
    unread = ends.SECRETS_CHECK in said and "not found" not in said
    return absent or refused or unread


def _may_pass_soon(error: AlError) -> bool:
    """What is lost or slow, and a right that this identity may just have got."""
    slow = error.temporary and not isinstance(error, _NotYet)
    return slow or (isinstance(error, AccessDenied) and "actAs" in error.message)
