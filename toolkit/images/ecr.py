"""The images of a repository in ECR, with the times that they came at, which its registry's own API does not tell."""

from collections.abc import Iterator, Mapping
from typing import Any

from toolkit.clouds.aws import clients_for, cloud_of, translated
from toolkit.core.errors import NotFound
from toolkit.core.ports import Context

from .prune import Pushed


def pushed(context: Context, repository: str) -> Iterator[Pushed]:
    """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeImages.html."""
    ecr = clients_for(cloud_of(context.environment)).client("ecr")
    try:
        with translated(f"listing the images of {repository}"):
            pages = list(ecr.get_paginator("describe_images").paginate(repositoryName=repository))
    except NotFound:
        return
    for page in pages:
        yield from map(_pushed, page["imageDetails"])


def _pushed(detail: Mapping[str, Any]) -> Pushed:
    return Pushed(
        digest=detail["imageDigest"],
        tags=tuple(sorted(detail.get("imageTags", ()))),
        time=detail["imagePushedAt"],
    )
