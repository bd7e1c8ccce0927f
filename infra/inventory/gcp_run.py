"""Cloud Run: executions that are not over, jobs, and the gateway's service.

Executions carry the labels of their job, and go with it; so that no run goes on, they are cancelled before
(https://cloud.google.com/run/docs/managing/job-executions).
"""

from collections.abc import Iterator
from functools import partial
from typing import Any

from toolkit.core.plan import Item

from .gcp_project import Project, short

# a container has 10 seconds after the signal (https://cloud.google.com/run/docs/container-contract#instance-shutdown)
STOP_SECONDS = 120.0


class _Jobs:
    """What jobs and executions have in common."""

    def __init__(self, project: Project) -> None:
        self._project = project

    @property
    def _client(self) -> Any:
        from google.cloud import run_v2

        return self._project.client(run_v2.JobsClient)

    def _path(self, job: str) -> str:
        return f"{self._project.clients.location}/jobs/{job}"

    def _named(self) -> Iterator[Any]:
        """Ours, and what stands under a name like ours."""
        request = {"parent": self._project.clients.location}
        jobs = self._project.ask("listing the jobs", lambda: list(self._client.list_jobs(request)))
        begins = self._project.google.jobs
        for job in jobs:
            if self._project.google.owns(dict(job.labels)) or short(job.name).startswith(begins):
                yield job

    def _look(self, job: str) -> Any | None:
        return self._project.ask_for(
            f"looking at the job {job}", lambda: self._client.get_job(name=self._path(job))
        )


class Executions(_Jobs):
    """One item for each job that has some that go on, so that all are cancelled before any is waited for."""

    kind = "execution"

    def observe(self) -> Iterator[Item]:
        for job in self._named():
            live = [short(e.name) for e in self._live(short(job.name))]
            if live:
                yield Item(
                    kind=self.kind,
                    name=short(job.name),
                    attributes={"tasks": live},
                    tags=self._project.tags(job.labels),
                )

    def remove(self, item: Item) -> None:
        """Cancel them, and wait until they have ended."""
        job = self._look(item.name)
        if job is None:
            return
        self._project.refuse_foreign(item, self._project.tags(job.labels))
        for execution in self._live(item.name):
            self._project.delete(
                f"cancelling {short(execution.name)}",
                partial(self._executions.cancel_execution, name=execution.name),
            )
        self._project.until_gone(item, lambda: self._live(item.name), seconds=STOP_SECONDS)

    def _live(self, job: str) -> list[Any]:
        found = self._project.ask_for(
            f"listing the executions of {job}",
            lambda: list(self._executions.list_executions(parent=self._path(job))),
        )
        return [e for e in found or () if not e.completion_time]

    @property
    def _executions(self) -> Any:
        from google.cloud import run_v2

        return self._project.client(run_v2.ExecutionsClient)


class Jobs(_Jobs):
    """Each with the record of its executions."""

    kind = "job"

    def observe(self) -> Iterator[Item]:
        for job in self._named():
            tags = self._project.tags(job.labels)
            yield Item(kind=self.kind, name=short(job.name), tags=tags)

    def remove(self, item: Item) -> None:
        job = self._look(item.name)
        if job is None:
            return
        self._project.refuse_foreign(item, self._project.tags(job.labels))
        self._project.delete(
            f"deleting the job {item.name}",
            lambda: self._client.delete_job(name=self._path(item.name)).result(),
        )
        self._project.until_gone(item, lambda: self._look(item.name))


class Services:
    """The gateway's; there is one name for it."""

    kind = "run_service"

    def __init__(self, project: Project) -> None:
        self._project = project

    def observe(self) -> Iterator[Item]:
        name = self._project.google.service
        service = self._look(name)
        if service is not None:
            yield Item(kind=self.kind, name=name, tags=self._project.tags(service.labels))

    def remove(self, item: Item) -> None:
        service = self._look(item.name)
        if service is None:
            return
        self._project.refuse_foreign(item, self._project.tags(service.labels))
        self._project.delete(
            f"deleting the service {item.name}",
            lambda: self._client.delete_service(name=self._path(item.name)).result(),
        )
        self._project.until_gone(item, lambda: self._look(item.name))

    @property
    def _client(self) -> Any:
        from google.cloud import run_v2

        return self._project.client(run_v2.ServicesClient)

    def _path(self, service: str) -> str:
        return f"{self._project.clients.location}/services/{service}"

    def _look(self, service: str) -> Any | None:
        return self._project.ask_for(
            f"looking at the service {service}",
            lambda: self._client.get_service(name=self._path(service)),
        )
