"""The images of an environment in Artifact Registry: when they came, deleting them, and which ones jobs still name.

Its own API, since the registry's refuses to delete what has a tag
(https://cloud.google.com/artifact-registry/docs/docker/manage-images#deleting_images).
"""

from collections.abc import Collection, Iterator, Sequence
from typing import Any
from urllib.parse import quote

from toolkit.clouds.gcp import cloud_of, gcp_clients_for, translated
from toolkit.core.errors import NotFound
from toolkit.core.gcp_names import GcpNames
from toolkit.core.ports import Context

from .prune import Pushed

PAGE = 1000  # the most that is answered at once
SECONDS = 60.0  # for a call, and for the operation that a deletion is


def pushed(context: Context, repository: str) -> Iterator[Pushed]:
    """Every version of the image, in no order.  One that is not there has none."""
    from google.cloud import artifactregistry_v1 as ar

    request = {
        "parent": _package(context, repository),
        "page_size": PAGE,
        "view": ar.VersionView.FULL,
    }
    try:
        with translated(f"listing the images of {repository}"):
            yield from map(_pushed, _client(context).list_versions(request, timeout=SECONDS))
    except NotFound:
        return


def delete(context: Context, repository: str, digests: Sequence[str]) -> None:
    """Delete these with their tags, and wait for it; those that are gone are fine."""
    client, package = _client(context), _package(context, repository)
    for digest in digests:
        request = {"name": f"{package}/versions/{digest}", "force": True}
        try:
            with translated(f"deleting {repository}@{digest[:19]}"):
                client.delete_version(request, timeout=SECONDS).result(timeout=SECONDS)
        except NotFound:
            continue


def in_use(context: Context) -> Collection[str]:
    """The digests that the environment's jobs name.  The API cannot look for labels, so all of the region's are read."""
    from google.cloud import run_v2

    clients, names = (
        gcp_clients_for(cloud_of(context.environment)),
        GcpNames(context.environment.scope),
    )
    request = {"parent": clients.location, "page_size": PAGE}
    with translated("listing the jobs"):
        jobs = list(clients.client(run_v2.JobsClient).list_jobs(request, timeout=SECONDS))
    ours = (job for job in jobs if names.owns(dict(job.labels)))
    containers = (one for job in ours for one in job.template.template.containers)
    return {container.image.rpartition("@")[2] for container in containers}


def _client(context: Context) -> Any:
    from google.cloud import artifactregistry_v1 as ar

    return gcp_clients_for(cloud_of(context.environment)).client(ar.ArtifactRegistryClient)


def _package(context: Context, repository: str) -> str:
    """What the API calls an image; a slash in its name is encoded
    (https://cloud.google.com/artifact-registry/docs/reference/rest/v1/projects.locations.repositories.packages)."""
    cloud = cloud_of(context.environment)
    place = f"{gcp_clients_for(cloud).location}/repositories/{cloud.repository}"
    return f"{place}/packages/{quote(repository, safe='')}"


def _pushed(version: Any) -> Pushed:
    tags = sorted(tag.name.rpartition("/")[2] for tag in version.related_tags)
    return Pushed(
        digest=version.name.rpartition("/")[2], tags=tuple(tags), time=version.update_time
    )
