"""What Artifact Registry keeps: repositories, and when which image came into one.  The images are the OCI registry's.

A repository's name in the OCI registry is `PROJECT/REPOSITORY/IMAGE`, where the region is in the host's
(https://cloud.google.com/artifact-registry/docs/docker/names).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import quote, unquote

from google.cloud import artifactregistry_v1 as ar

from .refusals import Refused, not_found


@dataclass(frozen=True, slots=True, order=True)
class Image:
    """A name in the OCI registry: what the API calls a package."""

    repository: str  # its whole name
    package: str

    @property
    def name(self) -> str:
        """The package's name in the API, where slashes are encoded."""
        return f"{self.repository}/packages/{quote(self.package, safe='')}"

    @property
    def path(self) -> str:
        """In the OCI registry."""
        parts = self.repository.split("/")
        return f"{parts[1]}/{parts[5]}/{self.package}"

    @property
    def host(self) -> str:
        return f"{self.repository.split('/')[3]}-docker.pkg.dev"


@dataclass(slots=True)
class Pushed:
    """One version of an image."""

    created: datetime
    updated: datetime
    media_type: str


@dataclass(slots=True)
class ArtifactBook:
    """Under the cloud's lock; names have the project's id."""

    repositories: dict[str, ar.Repository] = field(default_factory=dict)
    cleaned: dict[str, datetime] = field(default_factory=dict)
    images: dict[Image, dict[str, Pushed]] = field(default_factory=dict)  # by digest, in order

    def repository(self, name: str) -> ar.Repository:
        """The repository itself.  Raises Refused."""
        if name not in self.repositories:
            raise not_found(name, message="Requested entity was not found.")
        return self.repositories[name]

    def of_path(self, path: str) -> Image | None:
        """What a name in the OCI registry means; None when its repository does not exist."""
        project, _, rest = path.partition("/")
        id_, _, package = rest.partition("/")
        for name in self.repositories:
            parts = name.split("/")
            if (parts[1], parts[5]) == (project, id_) and package:
                return Image(name, package)
        return None

    def images_in(self, repository: str) -> Iterator[Image]:
        """By their names."""
        return iter(sorted(i for i in self.images if i.repository == repository))

    def image(self, name: str) -> Image:
        """By the package's name in the API.  Raises Refused."""
        repository, _, package = name.partition("/packages/")
        self.repository(repository)
        found = Image(repository, unquote(package))
        if found not in self.images:
            raise not_found(name, message="Requested entity was not found.")
        return found

    def version(self, name: str) -> tuple[Image, str]:
        """By a version's name: its image and digest.  Raises Refused."""
        package, _, digest = name.partition("/versions/")
        image = self.image(package)
        if digest not in self.images[image]:
            raise not_found(name, message="Requested entity was not found.")
        return image, digest

    def add(self, image: Image, digest: str, media_type: str, now: datetime) -> None:
        known = self.images.setdefault(image, {}).setdefault(digest, Pushed(now, now, media_type))
        known.updated = now

    def remove(self, image: Image, digest: str) -> None:
        """The image goes with its last version."""
        self.images[image].pop(digest, None)
        if not self.images[image]:
            del self.images[image]


def absent() -> Refused:
    return not_found("", message="Requested entity was not found.")
