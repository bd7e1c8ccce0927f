"""What a request to the registry needs: ECR answers docker's API by its own actions, on the repository.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-push-iam.html
"""

import re
from collections.abc import Iterator, Mapping

from infra.reconcile.policy import Need

from .calls import Environ
from .cloud import Cloud
from .needs_tags import with_tags

_PATH = re.compile(r"/v2/(?P<name>.+?)/(?P<noun>blobs/uploads|blobs|manifests|tags)/")
_ACTIONS: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("HEAD", "manifests"): ("BatchGetImage",),
    ("GET", "manifests"): ("BatchGetImage",),
    ("PUT", "manifests"): ("PutImage",),
    ("DELETE", "manifests"): ("BatchDeleteImage",),
    ("GET", "tags"): ("ListImages",),
    ("HEAD", "blobs"): ("BatchCheckLayerAvailability",),
    ("GET", "blobs"): ("GetDownloadUrlForLayer",),
    ("POST", "blobs/uploads"): ("InitiateLayerUpload",),
    ("PATCH", "blobs/uploads"): ("UploadLayerPart",),
    ("PUT", "blobs/uploads"): ("UploadLayerPart", "CompleteLayerUpload"),
}


def image_needs(environ: Environ, cloud: Cloud) -> Iterator[Need]:
    """None for what names no repository."""
    match = _PATH.match(environ.get("PATH_INFO", ""))
    if match:
        resource = f"arn:aws:ecr:{cloud.region}:{cloud.account}:repository/{match['name']}"
        actions = _ACTIONS.get((environ["REQUEST_METHOD"], match["noun"]), ())
        needs = (Need(action=f"ecr:{action}", resource=resource) for action in actions)
        yield from with_tags(needs, cloud)
