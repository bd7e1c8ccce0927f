"""Where Pulumi keeps its state on Google Cloud: a bucket of the environment's own, private and versioned.

It exists before Pulumi runs, so it is not one of Pulumi's resources.  It holds names, no secret.  One call makes all of it,
labels included, so there is none that is half made
(https://cloud.google.com/storage/docs/json_api/v1/buckets/insert).
"""

import re
from collections.abc import Callable
from typing import Any

from toolkit.clouds.gcp import GcpClients
from toolkit.clouds.gcp_errors import class_of
from toolkit.clouds.gcp_http import Http
from toolkit.core.errors import AccessDenied, AlError, Conflict, NotFound
from toolkit.core.gcp_names import GcpNames
from toolkit.core.names import Names, shorten
from toolkit.core.retry import retrying

HOST = "storage.googleapis.com"
ROOM = ("storage", "v1", "b")
# days that a replaced state can be brought back; a state is small, and a push makes a version or two
KEPT = 90
PATIENCE = 20.0  # seconds that a call is repeated for
LONGEST = 63  # https://cloud.google.com/storage/docs/buckets#naming
# names with `google` in them, or nearly, are refused (the same page)
_RESERVED = re.compile(r"g[o0]{2}g[l1i]e")


def name(names: Names, number: str) -> str:
    """`al-<project>-<env>-pulumi-<the number of Google's project>`: buckets of all share one space of names."""
    suffix = f"-pulumi-{number}"
    ours = re.sub(r"[^a-z0-9]+", "-", names.scoped("").lower()).strip("-")
    return f"{shorten(_RESERVED.sub('gle', ours), LONGEST - len(suffix))}{suffix}"


def find(clients: GcpClients, names: Names) -> str | None:
    """The bucket's name when it is there.  Raises Conflict when it is somebody else's."""
    bucket = name(names, clients.number)
    labels = labels_of(clients, bucket)
    if labels is not None and not GcpNames(names.scope).owns(labels):
        raise _foreign(bucket)
    return None if labels is None else bucket


def ensure(clients: GcpClients, names: Names) -> str:
    """The bucket's name; made when it is missing.  Raises Conflict when it is somebody else's."""
    bucket = find(clients, names)
    return _made(clients, names) if bucket is None else bucket


def labels_of(clients: GcpClients, bucket: str) -> dict[str, str] | None:
    """None when there is no such bucket.  Raises AccessDenied for another's, and without the right to look."""
    doing, asked = f"looking at the bucket {bucket}", {"fields": "labels"}
    try:
        found = _patiently(
            lambda: Http(clients, HOST).ask("GET", (*ROOM, bucket), doing, query=asked)
        )
    except NotFound:
        return None
    return dict(found.get("labels") or {})


def _made(clients: GcpClients, names: Names) -> str:
    bucket = name(names, clients.number)
    wanted = {"name": bucket, "location": clients.cloud.region, **_SHAPE}
    wanted["labels"] = GcpNames(names.scope).labels()
    project = {"project": clients.cloud.project}
    doing = f"creating the bucket {bucket}"
    try:
        _patiently(lambda: Http(clients, HOST).ask("POST", ROOM, doing, query=project, body=wanted))
    except AlError as error:
        if class_of(error) != "Conflict":
            raise
        _require_ours(clients, names, bucket)
    return bucket


def _patiently(call: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Google's libraries would do it themselves (https://cloud.google.com/storage/docs/retry-strategy)."""
    return retrying(call, seconds=PATIENCE)


def _require_ours(clients: GcpClients, names: Names, bucket: str) -> None:
    """Somebody else was faster, or the answer to our own making was lost."""
    try:
        found = find(clients, names)
    except AccessDenied as error:
        raise _foreign(bucket) from error
    if found is None:
        raise _foreign(bucket)


def _foreign(bucket: str) -> Conflict:
    return Conflict(
        f"the bucket {bucket} is there, but not of this project and environment",
        hint="set `backend` in [pulumi] of the environment's file to another one",
    )


# What is deleted is kept as an earlier version, and so is not kept once more by soft deletion
# (https://cloud.google.com/storage/docs/public-access-prevention, /uniform-bucket-level-access, /lifecycle, /soft-delete).
_SHAPE: dict[str, Any] = {
    "iamConfiguration": {
        "uniformBucketLevelAccess": {"enabled": True},
        "publicAccessPrevention": "enforced",
    },
    "versioning": {"enabled": True},
    "lifecycle": {
        "rule": [{"action": {"type": "Delete"}, "condition": {"daysSinceNoncurrentTime": KEPT}}]
    },
    "softDeletePolicy": {"retentionDurationSeconds": "0"},
}
