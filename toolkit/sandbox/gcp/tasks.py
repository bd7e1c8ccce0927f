"""Tasks of executions, which are looked at only: exit codes are here and nowhere else.

https://cloud.google.com/run/docs/reference/rpc/google.cloud.run.v2#tasks.
"""

from collections.abc import Mapping

from google.cloud import run_v2

from .pages import page
from .refusals import not_found
from .rpc import Call, Rpc, Service
from .run_book import RunBook

LARGEST_PAGE = 1000


class Tasks(Service):
    """google.cloud.run.v2.Tasks."""

    def rpcs(self) -> Mapping[str, Rpc]:
        return {
            "GetTask": Rpc(run_v2.GetTaskRequest, self.get, "run.tasks.get"),
            "ListTasks": Rpc(run_v2.ListTasksRequest, self.list, "run.tasks.list", "parent"),
        }

    def get(self, asked: run_v2.GetTaskRequest, _: Call) -> run_v2.Task:
        self._spend()
        name = self.google.by_id(asked.name)
        found = self.google.of(RunBook).tasks.get(name)
        if found is None:
            raise not_found(name)
        return run_v2.Task(found)

    def list(self, asked: run_v2.ListTasksRequest, _: Call) -> run_v2.ListTasksResponse:
        self._spend()
        found = list(self.google.of(RunBook).tasks_of(self.google.by_id(asked.parent)))
        items, token = page(found, asked, LARGEST_PAGE, self.google.settings.page_items)
        return run_v2.ListTasksResponse(tasks=items, next_page_token=token)

    def _spend(self) -> None:
        limit = self.google.settings.run_read_quota
        self.google.spend("run.googleapis.com/read_requests", "run.googleapis.com", limit)
