"""Artifact Registry: repositories, and what the OCI registry asks and tells of them.

https://cloud.google.com/artifact-registry/docs/reference/rpc/google.devtools.artifactregistry.v1.  A push does not make a
repository; what is in one is artifact_versions.py's.
"""

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from google.cloud import artifactregistry_v1 as ar
from google.protobuf import empty_pb2

from . import policies
from .artifact_book import ArtifactBook
from .artifact_cleanup import EVERY, Candidate, condemned, policy_violations
from .artifact_versions import Images
from .labels import check_labels
from .pages import page
from .refusals import Violation, already_exists, invalid
from .rpc import Call, Rpc, Service
from .run_checks import refuse

if TYPE_CHECKING:
    from .cloud import Google

LARGEST_PAGE = 1000
_ID = re.compile(r"[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?")
_MUTABLE = frozenset(
    ("description", "labels", "cleanup_policies", "cleanup_policy_dry_run", "docker_config", "docker_config.immutable_tags")
)  # fmt: skip


class ArtifactRegistry(Service):
    """google.devtools.artifactregistry.v1.ArtifactRegistry; also the OCI registry's `Repositories`."""

    def __init__(self, google: "Google") -> None:
        super().__init__(google)
        self._images = Images(google)

    def rpcs(self) -> Mapping[str, Rpc]:
        repositories = "artifactregistry.repositories"
        own = {
            "CreateRepository": Rpc(
                ar.CreateRepositoryRequest, self.create, f"{repositories}.create", "parent"
            ),
            "GetRepository": Rpc(ar.GetRepositoryRequest, self.get, f"{repositories}.get"),
            "ListRepositories": Rpc(
                ar.ListRepositoriesRequest, self.list, f"{repositories}.list", "parent"
            ),
            "UpdateRepository": Rpc(
                ar.UpdateRepositoryRequest, self.update, f"{repositories}.update", "repository.name"
            ),
            "DeleteRepository": Rpc(
                ar.DeleteRepositoryRequest, self.delete, f"{repositories}.delete"
            ),
            **policies.rpcs(self.google, self._known, repositories),
        }
        return {**own, **self._images.rpcs()}

    def create(self, asked: ar.CreateRepositoryRequest, _: Call) -> Any:
        parent = self.google.by_id(asked.parent)
        repository, now = ar.Repository(asked.repository), self.google.now()
        repository.name = f"{parent}/repositories/{asked.repository_id}"
        refuse(_violations(asked.repository_id, repository))
        check_labels("repository.labels", repository.labels)
        if repository.name in self._book.repositories:
            raise already_exists(repository.name, message="the repository already exists")
        repository.create_time = repository.update_time = now
        repository.registry_uri = _uri(repository.name)
        self._book.repositories[repository.name] = repository
        self._book.cleaned[repository.name] = now
        return self._operation(parent, lambda: ar.Repository(repository))

    def get(self, asked: ar.GetRepositoryRequest, _: Call) -> ar.Repository:
        self.clean()
        return ar.Repository(self._book.repository(self.google.by_id(asked.name)))

    def list(self, asked: ar.ListRepositoriesRequest, _: Call) -> ar.ListRepositoriesResponse:
        head = f"{self.google.by_id(asked.parent)}/repositories/"
        found = [r for name, r in sorted(self._book.repositories.items()) if name.startswith(head)]
        items, token = page(found, asked, LARGEST_PAGE, self.google.settings.page_items)
        return ar.ListRepositoriesResponse(repositories=items, next_page_token=token)

    def update(self, asked: ar.UpdateRepositoryRequest, _: Call) -> ar.Repository:
        repository = self._book.repository(self.google.by_id(asked.repository.name))
        paths = tuple(asked.update_mask.paths)
        if not paths or not set(paths) <= _MUTABLE:
            wrong = ", ".join(sorted(set(paths) - _MUTABLE)) or "nothing"
            raise invalid("update_mask", f"{wrong} cannot be updated")
        refuse(policy_violations(asked.repository.cleanup_policies))
        check_labels("repository.labels", asked.repository.labels)
        for path in {path.partition(".")[0] for path in paths}:
            setattr(repository, path, getattr(asked.repository, path))
        repository.update_time = self.google.now()
        return ar.Repository(repository)

    def delete(self, asked: ar.DeleteRepositoryRequest, _: Call) -> Any:
        name = self.google.by_id(asked.name)
        self._book.repository(name)

        def work() -> Any:
            for image in tuple(self._book.images_in(name)):
                self.google.machine.storage.delete_repository(image.path)
                del self._book.images[image]
            del self._book.repositories[name]
            policies.PolicyBook(self.google).forget(self.google.canonical(name))
            return empty_pb2.Empty()

        return self._operation(name.partition("/repositories/")[0], work)

    # what the OCI registry asks and tells

    def exists(self, repository: str) -> bool:
        """Whether `PROJECT/REPOSITORY/IMAGE` is in a repository that exists."""
        with self.google.lock:
            self.clean()
            return self._book.of_path(repository) is not None

    def immutable(self, repository: str) -> bool:
        with self.google.lock:
            image = self._book.of_path(repository)
            found = self._book.repositories.get(image.repository) if image else None
            return found is not None and bool(found.docker_config.immutable_tags)

    def pushed(self, repository: str, tag: str | None, digest: str, kind: str, text: str) -> None:
        """A manifest is in the registry."""
        with self.google.lock:
            if image := self._book.of_path(repository):
                self._book.add(image, digest, kind, self.google.now())

    def gone(self, repository: str, digest: str) -> None:
        """A manifest was deleted over the registry's own API."""
        with self.google.lock:
            image = self._book.of_path(repository)
            if image and digest in self._book.images.get(image, {}):
                self._book.remove(image, digest)

    # cleaning

    def clean(self) -> None:
        """Carry the cleanup policies out where a day has gone by; under the cloud's lock."""
        now = self.google.now()
        for name, repository in tuple(self._book.repositories.items()):
            if now - self._book.cleaned[name] < EVERY:
                continue
            self._book.cleaned[name] = now
            if not repository.cleanup_policy_dry_run:
                self._clean(repository)

    def _clean(self, repository: ar.Repository) -> None:
        found = {
            Candidate(
                package=image.package,
                digest=digest,
                created=about.created,
                tags=self._images.tags_of(image, digest),
            ): image
            for image in self._book.images_in(repository.name)
            for digest, about in self._book.images[image].items()
        }
        rules = list(repository.cleanup_policies.values())
        for version in condemned(rules, list(found), self.google.now()):
            self._images.remove(found[version], version.digest)

    # inside

    @property
    def _book(self) -> ArtifactBook:
        return self.google.of(ArtifactBook)

    def _known(self, name: str) -> bool:
        return self.google.by_id(name) in self._book.repositories

    def _operation(self, parent: str, work: Any) -> Any:
        return self.google.operations.soon(parent, ar.OperationMetadata(), work)


def _violations(id_: str, repository: ar.Repository) -> Iterator[Violation]:
    """https://cloud.google.com/artifact-registry/docs/repositories/create-repos."""
    if not _ID.fullmatch(id_):
        yield Violation(
            "repository_id",
            "must be lowercase letters, numbers and hyphens, begin with a letter, end with a letter or number, and have "
            "63 characters at most",
        )
    if repository.format_ != ar.Repository.Format.DOCKER:
        yield Violation(
            "repository.format", "the sandbox has DOCKER only, and a format must be given"
        )
    yield from policy_violations(repository.cleanup_policies)


def _uri(name: str) -> str:
    parts = name.split("/")
    return f"{parts[3]}-docker.pkg.dev/{parts[1]}/{parts[5]}"
