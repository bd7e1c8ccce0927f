"""The project itself: https://cloud.google.com/resource-manager/reference/rest/v3/projects."""

from collections.abc import Mapping

from google.cloud import resourcemanager_v3

from . import policies
from .rpc import Call, Rpc, Service


class Projects(Service):
    """There is one, and it is always there."""

    def rpcs(self) -> Mapping[str, Rpc]:
        projects = "resourcemanager.projects"
        return {
            "GetProject": Rpc(resourcemanager_v3.GetProjectRequest, self.get, f"{projects}.get"),
            **policies.rpcs(self.google, self._is_project, projects),
        }

    def get(
        self, asked: resourcemanager_v3.GetProjectRequest, _: Call
    ) -> resourcemanager_v3.Project:
        self.google.canonical(asked.name)
        return resourcemanager_v3.Project(
            name=f"projects/{self.google.number}",
            project_id=self.google.project,
            display_name="The sandbox",
            state=resourcemanager_v3.Project.State.ACTIVE,
        )

    def _is_project(self, name: str) -> bool:
        return name == f"projects/{self.google.number}"
