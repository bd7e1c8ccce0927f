"""Artifact Registry's images: packages, their versions and tags, as the OCI registry has them.

https://cloud.google.com/artifact-registry/docs/reference/rpc/google.devtools.artifactregistry.v1.
"""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from google.cloud import artifactregistry_v1 as ar
from google.protobuf import empty_pb2

from toolkit.sandbox.image_store import TAG

from .artifact_book import ArtifactBook, Image, absent
from .pages import page
from .refusals import already_exists, invalid, precondition
from .rpc import Call, Rpc

if TYPE_CHECKING:
    from .cloud import Google

LARGEST_PAGE = 1000
MOST_AT_ONCE = 10_000  # versions of one BatchDeleteVersions


class Images:
    """The handlers; one with the service."""

    def __init__(self, google: "Google") -> None:
        self._google = google

    def rpcs(self) -> Mapping[str, Rpc]:
        packages, versions, tags = (
            f"artifactregistry.{k}" for k in ("packages", "versions", "tags")
        )
        docker = "artifactregistry.dockerimages"
        return {
            "GetPackage": Rpc(ar.GetPackageRequest, self.package, f"{packages}.get"),
            "ListPackages": Rpc(
                ar.ListPackagesRequest, self.packages, f"{packages}.list", "parent"
            ),
            "DeletePackage": Rpc(
                ar.DeletePackageRequest, self.delete_package, f"{packages}.delete"
            ),
            "GetVersion": Rpc(ar.GetVersionRequest, self.version, f"{versions}.get"),
            "ListVersions": Rpc(
                ar.ListVersionsRequest, self.versions, f"{versions}.list", "parent"
            ),
            "DeleteVersion": Rpc(
                ar.DeleteVersionRequest, self.delete_version, f"{versions}.delete"
            ),
            "BatchDeleteVersions": Rpc(
                ar.BatchDeleteVersionsRequest, self.delete_versions, f"{versions}.delete", "parent"
            ),
            "GetTag": Rpc(ar.GetTagRequest, self.tag, f"{tags}.get"),
            "ListTags": Rpc(ar.ListTagsRequest, self.tags, f"{tags}.list", "parent"),
            "CreateTag": Rpc(ar.CreateTagRequest, self.create_tag, f"{tags}.create", "parent"),
            "UpdateTag": Rpc(ar.UpdateTagRequest, self.update_tag, f"{tags}.update", "tag.name"),
            "DeleteTag": Rpc(ar.DeleteTagRequest, self.delete_tag, f"{tags}.delete"),
            "ListDockerImages": Rpc(
                ar.ListDockerImagesRequest, self.docker_images, f"{docker}.list", "parent"
            ),
        }

    # packages

    def package(self, asked: ar.GetPackageRequest, _: Call) -> ar.Package:
        return self._package(self._book.image(self._google.by_id(asked.name)))

    def packages(self, asked: ar.ListPackagesRequest, _: Call) -> ar.ListPackagesResponse:
        repository = self._book.repository(self._google.by_id(asked.parent))
        found = [self._package(image) for image in self._book.images_in(repository.name)]
        items, token = self._page(found, asked)
        return ar.ListPackagesResponse(packages=items, next_page_token=token)

    def delete_package(self, asked: ar.DeletePackageRequest, _: Call) -> Any:
        image = self._book.image(self._google.by_id(asked.name))

        def work() -> Any:
            for digest in tuple(self._book.images.get(image, ())):
                self.remove(image, digest)
            return empty_pb2.Empty()

        return self._operation(image, work)

    # versions

    def version(self, asked: ar.GetVersionRequest, _: Call) -> ar.Version:
        image, digest = self._book.version(self._google.by_id(asked.name))
        return self._version(image, digest, full=asked.view == ar.VersionView.FULL)

    def versions(self, asked: ar.ListVersionsRequest, _: Call) -> ar.ListVersionsResponse:
        image = self._book.image(self._google.by_id(asked.parent))
        if asked.filter:
            raise invalid("filter", "is more than the sandbox understands")
        full = asked.view == ar.VersionView.FULL
        found = [self._version(image, digest, full=full) for digest in self._book.images[image]]
        if asked.order_by:
            self._sort(found, asked.order_by)
        items, token = self._page(found, asked)
        return ar.ListVersionsResponse(versions=items, next_page_token=token)

    def delete_version(self, asked: ar.DeleteVersionRequest, _: Call) -> Any:
        image, digest = self._book.version(self._google.by_id(asked.name))
        self._check_deletion(image, digest, force=asked.force)

        def work() -> Any:
            self.remove(image, digest)
            return empty_pb2.Empty()

        return self._operation(image, work)

    def delete_versions(self, asked: ar.BatchDeleteVersionsRequest, _: Call) -> Any:
        """Of one package; with their tags."""
        if not 1 <= len(asked.names) <= MOST_AT_ONCE:
            raise invalid("names", f"between 1 and {MOST_AT_ONCE} are required")
        found = [self._book.version(self._google.by_id(name)) for name in asked.names]

        def work() -> Any:
            for image, digest in found if not asked.validate_only else ():
                self.remove(image, digest)
            return empty_pb2.Empty()

        return self._operation(found[0][0], work)

    # tags

    def tag(self, asked: ar.GetTagRequest, _: Call) -> ar.Tag:
        image, tag = self._tag(asked.name)
        return self._told(image, tag)

    def tags(self, asked: ar.ListTagsRequest, _: Call) -> ar.ListTagsResponse:
        image = self._book.image(self._google.by_id(asked.parent))
        found = [self._told(image, tag) for tag in self._tags(image)]
        if asked.filter:
            wanted = asked.filter.removeprefix("version=").strip('"')
            found = [tag for tag in found if tag.version == wanted]
        items, token = self._page(found, asked)
        return ar.ListTagsResponse(tags=items, next_page_token=token)

    def create_tag(self, asked: ar.CreateTagRequest, _: Call) -> ar.Tag:
        image = self._book.image(self._google.by_id(asked.parent))
        if not TAG.fullmatch(asked.tag_id):
            raise invalid("tag_id", f"'{asked.tag_id}' is not a tag")
        if asked.tag_id in self._tags(image):
            raise already_exists(asked.tag_id)
        return self._pointed(image, asked.tag_id, asked.tag.version)

    def update_tag(self, asked: ar.UpdateTagRequest, _: Call) -> ar.Tag:
        image, tag = self._tag(asked.tag.name)
        self._check_mutable(image, tag)
        return self._pointed(image, tag, asked.tag.version)

    def delete_tag(self, asked: ar.DeleteTagRequest, _: Call) -> Any:
        image, tag = self._tag(asked.name)
        self._check_mutable(image, tag)
        self._google.machine.storage.untag(image.path, tag)
        return empty_pb2.Empty()

    # Docker's images

    def docker_images(
        self, asked: ar.ListDockerImagesRequest, _: Call
    ) -> ar.ListDockerImagesResponse:
        repository = self._book.repository(self._google.by_id(asked.parent))
        found = [
            self._docker_image(image, digest)
            for image in self._book.images_in(repository.name)
            for digest in self._book.images[image]
        ]
        items, token = self._page(found, asked)
        return ar.ListDockerImagesResponse(docker_images=items, next_page_token=token)

    # inside

    def remove(self, image: Image, digest: str) -> None:
        """A version and its tags."""
        self._google.machine.storage.delete(image.path, digest)
        if digest in self._book.images.get(image, {}):
            self._book.remove(image, digest)

    def tags_of(self, image: Image, digest: str) -> tuple[str, ...]:
        return tuple(tag for tag, value in self._tags(image).items() if value == digest)

    @property
    def _book(self) -> ArtifactBook:
        return self._google.of(ArtifactBook)

    def _tags(self, image: Image) -> dict[str, str]:
        return self._google.machine.storage.tags(image.path)

    def _tag(self, name: str) -> tuple[Image, str]:
        package, _, tag = self._google.by_id(name).partition("/tags/")
        image = self._book.image(package)
        if tag not in self._tags(image):
            raise absent()
        return image, tag

    def _pointed(self, image: Image, tag: str, version: str) -> ar.Tag:
        other, digest = self._book.version(self._google.by_id(version))
        if other != image:
            raise invalid("tag.version", "must be a version of the same package")
        self._google.machine.storage.tag(image.path, tag, digest)
        return self._told(image, tag)

    def _told(self, image: Image, tag: str) -> ar.Tag:
        version = f"{image.name}/versions/{self._tags(image)[tag]}"
        return ar.Tag(name=f"{image.name}/tags/{tag}", version=version)

    def _package(self, image: Image) -> ar.Package:
        versions = self._book.images[image].values()
        return ar.Package(
            name=image.name,
            create_time=min(version.created for version in versions),
            update_time=max(version.updated for version in versions),
        )

    def _version(self, image: Image, digest: str, *, full: bool) -> ar.Version:
        about = self._book.images[image][digest]
        related = [self._told(image, tag) for tag in self.tags_of(image, digest)] if full else []
        return ar.Version(
            name=f"{image.name}/versions/{digest}",
            create_time=about.created,
            update_time=about.updated,
            related_tags=related,
        )

    def _docker_image(self, image: Image, digest: str) -> ar.DockerImage:
        about, kind = self._book.images[image][digest], image.package.replace("/", "%2F")
        return ar.DockerImage(
            name=f"{image.repository}/dockerImages/{kind}@{digest}",
            uri=f"{image.host}/{image.path}@{digest}",
            tags=self.tags_of(image, digest),
            upload_time=about.created,
            update_time=about.updated,
            media_type=about.media_type,
            image_size_bytes=self._size(image, digest),
        )

    def _size(self, image: Image, digest: str) -> int:
        manifest = self._google.machine.storage.manifest(image.path, digest)[1]
        parts = [manifest.get("config") or {}, *manifest.get("layers", ())]
        return sum(int(part.get("size", 0)) for part in parts)

    def _check_deletion(self, image: Image, digest: str, *, force: bool) -> None:
        """https://cloud.google.com/artifact-registry/docs/docker/manage-images#deleting_images."""
        tags = self.tags_of(image, digest)
        if tags and not force:
            raise precondition(f"cannot delete version {digest} because it is tagged: {tags[0]}")
        for tag in tags:
            self._check_mutable(image, tag)
        for other in self._book.images[image]:
            text = self._google.machine.storage.manifest_text(image.path, other)[1]
            if digest in {child["digest"] for child in json.loads(text).get("manifests", ())}:
                raise precondition(f"manifest {digest} is referenced by parent manifest {other}")

    def _check_mutable(self, image: Image, tag: str) -> None:
        if self._book.repository(image.repository).docker_config.immutable_tags:
            raise precondition(
                f"the repository has immutable tags: '{tag}' can be neither moved nor deleted"
            )

    def _sort(self, found: list[Any], order_by: str) -> None:
        field, _, direction = order_by.partition(" ")
        if field.lower() not in {"name", "create_time", "update_time"} or direction not in {
            "",
            "asc",
            "desc",
        }:
            raise invalid("order_by", f"'{order_by}' is not an order")
        found.sort(key=lambda item: getattr(item, field.lower()), reverse=direction == "desc")

    def _page(self, found: list[Any], asked: Any) -> tuple[Any, str]:
        return page(found, asked, LARGEST_PAGE, self._google.settings.page_items)

    def _operation(self, image: Image, work: Any) -> Any:
        parent = image.repository.partition("/repositories/")[0]
        return self._google.operations.soon(parent, ar.OperationMetadata(), work)
