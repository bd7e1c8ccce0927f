"""Which images may go: a pure decision, and the look at ECR that it needs.

Deletes nothing.  An image that a function or task definition names must stay: without it the next start fails
(https://docs.aws.amazon.com/lambda/latest/dg/images-create.html), and ECR itself protects no image in use.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from toolkit.core.errors import NotFound
from toolkit.core.ports import Context


@dataclass(frozen=True, slots=True, kw_only=True)
class Pushed:
    """One image of a repository: all its tags, and when it came."""

    digest: str
    tags: tuple[str, ...]
    time: datetime


def prunable(images: Iterable[Pushed], *, named: Collection[str], keep: int) -> tuple[str, ...]:
    """Digests to delete, oldest last: neither `named` by a definition, nor the newest, nor among `keep` before it.

    A digest that was pushed under several tags is one image, as old as its latest push.
    """
    latest: dict[str, datetime] = {}
    for image in images:
        latest[image.digest] = max(image.time, latest.get(image.digest, image.time))
    newest_first = sorted(latest, key=lambda digest: (latest[digest], digest), reverse=True)
    older = [digest for digest in newest_first[1:] if digest not in named]
    return tuple(older[max(keep, 0) :])


def pushed(context: Context, repository: str) -> list[Pushed]:
    """Every image of the repository, newest first.  One that is missing has none.

    https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeImages.html
    """
    from toolkit.clouds.aws import clients_for, cloud_of, translated

    ecr = clients_for(cloud_of(context.environment)).client("ecr")
    try:
        with translated(f"listing the images of {repository}"):
            pages = list(ecr.get_paginator("describe_images").paginate(repositoryName=repository))
    except NotFound:
        return []
    images = [_pushed(detail) for page in pages for detail in page["imageDetails"]]
    return sorted(images, key=lambda image: (image.time, image.digest), reverse=True)


def _pushed(detail: Mapping[str, Any]) -> Pushed:
    return Pushed(
        digest=detail["imageDigest"],
        tags=tuple(sorted(detail.get("imageTags", ()))),
        time=detail["imagePushedAt"],
    )
