"""The images of a repository in ECR, with the times that they came at, which its registry's own API does not tell; and
taking some away."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from toolkit.clouds.aws import clients_for, cloud_of, translated
from toolkit.core.errors import AlError, NotFound
from toolkit.core.ports import Context

from .prune import Pushed

BATCH = 100  # images in one BatchDeleteImage
_GONE = "ImageNotFound"
_HELD = "ImageReferencedByManifestList"


def pushed(context: Context, repository: str) -> Iterator[Pushed]:
    """Those that can be pulled: an archived image has to be activated first, and no definition starts from it before
    (https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeImages.html, imageStatus)."""
    ecr = clients_for(cloud_of(context.environment)).client("ecr")
    try:
        with translated(f"listing the images of {repository}"):
            pages = list(ecr.get_paginator("describe_images").paginate(repositoryName=repository))
    except NotFound:
        return
    for page in pages:
        yield from (_pushed(detail) for detail in page["imageDetails"] if _active(detail))


def delete(context: Context, repository: str, digests: Sequence[str]) -> tuple[str, ...]:
    """Delete these with all their tags; those that are gone now.  One that an index names stays until that has gone,
    which `al` never pushes (https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_BatchDeleteImage.html)."""
    ecr, gone = clients_for(cloud_of(context.environment)).client("ecr"), list[str]()
    for start in range(0, len(digests), BATCH):
        some = digests[start : start + BATCH]
        with translated(f"deleting images of {repository}"):
            answer = ecr.batch_delete_image(
                repositoryName=repository, imageIds=[{"imageDigest": digest} for digest in some]
            )
        held = set(_held(repository, answer))
        gone += [digest for digest in some if digest not in held]
    return tuple(gone)


def _held(repository: str, answer: Mapping[str, Any]) -> Iterator[str]:
    """What was not deleted is told in an answer that looks like success.  Raises AlError for what nobody foresaw."""
    for failure in answer.get("failures", ()):
        digest = failure.get("imageId", {}).get("imageDigest", "an image")
        if failure.get("failureCode") == _HELD:
            yield digest
        elif failure.get("failureCode") != _GONE:
            raise AlError(
                f"deleting {repository}@{digest[:19]}: {failure.get('failureReason')} ({failure.get('failureCode')})",
                hint="the message says what ECR does not allow; the next push tries again",
            )


def _active(detail: Mapping[str, Any]) -> bool:
    return bool(detail.get("imageStatus", "ACTIVE") == "ACTIVE")


def _pushed(detail: Mapping[str, Any]) -> Pushed:
    return Pushed(
        digest=detail["imageDigest"],
        tags=tuple(sorted(detail.get("imageTags", ()))),
        time=detail["imagePushedAt"],
    )
