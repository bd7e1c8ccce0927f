"""Artifact Registry: the environment's repository with its images, and the images of one agent in it."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from toolkit.core.plan import Item

from .gcp_project import Project, short


class _Registry:
    def __init__(self, project: Project) -> None:
        self._project = project

    @property
    def _client(self) -> Any:
        from google.cloud import artifactregistry_v1

        return self._project.client(artifactregistry_v1.ArtifactRegistryClient)

    def _path(self, repository: str) -> str:
        return f"{self._project.clients.location}/repositories/{repository}"

    def _repository(self, name: str) -> Any | None:
        return self._project.ask_for(
            f"looking at the repository {name}",
            lambda: self._client.get_repository(name=self._path(name)),
        )


class Repositories(_Registry):
    """Ours; one that the user names in the environment's file stays, with what is in it."""

    kind = "image_repository"

    def observe(self) -> Iterator[Item]:
        request = {"parent": self._project.clients.location}
        listed = self._project.ask(
            "listing the repositories",
            lambda: list(self._client.list_repositories(request=request)),
        )
        google = self._project.google
        for repository in listed:
            name, labels = short(repository.name), dict(repository.labels)
            if google.owns(labels) or name == google.repository:
                yield Item(kind=self.kind, name=name, tags=self._project.tags(labels))

    def remove(self, item: Item) -> None:
        """With its images."""
        repository = self._repository(item.name)
        if repository is None:
            return
        self._project.refuse_foreign(item, self._project.tags(repository.labels))
        self._project.delete(
            f"deleting the repository {item.name}",
            lambda: self._client.delete_repository(name=self._path(item.name)).result(),
        )
        self._project.until_gone(item, lambda: self._repository(item.name))


class Images(_Registry):
    """Those of one agent, `<repository>/<image>`.  Images have no labels: what is in our own repository is ours."""

    kind = "image"

    def observe(self, agent: str) -> Iterator[Item]:
        repository = self._project.clients.cloud.repository
        image = self._project.names.repository(agent)
        if self._owned(repository) and self._package(repository, image):
            yield Item(
                kind=self.kind,
                name=f"{repository}/{image}",
                tags=self._project.names.tags(agent=agent),
            )

    def remove(self, item: Item) -> None:
        """With all its versions and tags."""
        repository, _, image = item.name.partition("/")
        if not self._package(repository, image):
            return
        self._project.refuse_foreign(item, item.tags if self._owned(repository) else {})
        self._project.delete(
            f"deleting the images {item.name}",
            lambda: self._client.delete_package(name=self._name(repository, image)).result(),
        )
        self._project.until_gone(item, lambda: self._package(repository, image))

    def _owned(self, repository: str) -> bool:
        found = self._repository(repository)
        return found is not None and self._project.google.owns(dict(found.labels))

    def _name(self, repository: str, image: str) -> str:
        """A slash in an image's name is encoded
        (https://cloud.google.com/artifact-registry/docs/reference/rest/v1/projects.locations.repositories.packages)."""
        return f"{self._path(repository)}/packages/{quote(image, safe='')}"

    def _package(self, repository: str, image: str) -> Any | None:
        return self._project.ask_for(
            f"looking at the images {image}",
            lambda: self._client.get_package(name=self._name(repository, image)),
        )
