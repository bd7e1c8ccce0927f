"""Cloud Scheduler: the job that calls the gateway.  Jobs have no labels, so their descriptions say whose they are."""

from collections.abc import Iterator
from typing import Any

from infra.desired.gcp_marks import marked
from toolkit.core.names import TIMER
from toolkit.core.plan import Item

from .gcp_project import Project


class Timers:
    """The gateway's; there is one name for it."""

    kind = "timer"

    def __init__(self, project: Project) -> None:
        self._project = project

    def observe(self) -> Iterator[Item]:
        name = self._project.google.job(TIMER)
        job = self._look(name)
        if job is not None:
            yield Item(kind=self.kind, name=name, tags=marked(job.description))

    def remove(self, item: Item) -> None:
        job = self._look(item.name)
        if job is None:
            return
        self._project.refuse_foreign(item, marked(job.description))
        self._project.delete(
            f"deleting the timer {item.name}",
            lambda: self._client.delete_job(name=self._path(item.name)),
        )
        self._project.until_gone(item, lambda: self._look(item.name))

    @property
    def _client(self) -> Any:
        from google.cloud import scheduler_v1

        return self._project.client(scheduler_v1.CloudSchedulerClient)

    def _path(self, job: str) -> str:
        return f"{self._project.clients.location}/jobs/{job}"

    def _look(self, job: str) -> Any | None:
        return self._project.ask_for(
            f"looking at the timer {job}", lambda: self._client.get_job(name=self._path(job))
        )
