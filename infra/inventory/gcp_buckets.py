"""The bucket of Pulumi's state in Cloud Storage.

Where the user has named another place for the state, nothing is asked: there is no bucket of ours then, and whoever runs
`al` may have no right to look.
"""

from collections.abc import Iterator
from typing import Any

from infra import state_bucket_gcp as state_bucket
from toolkit.clouds.gcp_errors import class_of
from toolkit.clouds.gcp_http import Http
from toolkit.core.errors import NotFound
from toolkit.core.plan import Item
from toolkit.core.retry import retrying

from .gcp_project import Project
from .state_buckets import BucketStates, StateBuckets, Wanted

BUSY_SECONDS = 60.0  # in which somebody may still be writing into a bucket that is being emptied


class StorageBucket:
    """state_buckets.Bucket."""

    def __init__(self, project: Project) -> None:
        self.custody = self._project = project

    @property
    def name(self) -> str:
        return state_bucket.name(self._project.names, self._project.clients.number)

    def _labels(self, bucket: str) -> dict[str, str] | None:
        look = state_bucket.labels_of
        return self._project.patiently(lambda: look(self._project.clients, bucket))

    def tags(self, bucket: str) -> dict[str, str] | None:
        labels = self._labels(bucket)
        return None if labels is None else self._project.tags(labels)

    def _ask(self, verb: str, path: tuple[str, ...], doing: str, **query: str) -> dict[str, Any]:
        http = Http(self._project.clients, state_bucket.HOST)
        return self._project.patiently(
            lambda: http.ask(verb, (*state_bucket.ROOM, *path), doing, query=query)
        )

    def _objects(self, bucket: str) -> Iterator[dict[str, Any]]:
        """All versions of everything (https://cloud.google.com/storage/docs/json_api/v1/objects/list)."""
        asked = {"versions": "true", "fields": "items(name,generation),nextPageToken"}
        while True:
            page = self._ask("GET", (bucket, "o"), f"listing the bucket {bucket}", **asked)
            yield from page.get("items") or ()
            if not page.get("nextPageToken"):
                return
            asked["pageToken"] = page["nextPageToken"]

    def keys(self, bucket: str) -> list[str]:
        return sorted({str(one["name"]) for one in self._objects(bucket)})

    def empty(self, bucket: str, wanted: Wanted) -> None:
        self._project.each(
            lambda one: self._delete_object(bucket, one),
            [one for one in self._objects(bucket) if wanted(str(one["name"]))],
        )

    def _delete_object(self, bucket: str, one: dict[str, Any]) -> None:
        try:
            self._ask(
                "DELETE", (bucket, "o", str(one["name"])), f"emptying the bucket {bucket}",
                generation=str(one["generation"]),
            )  # fmt: skip
        except NotFound:
            return

    def remove(self, item: Item) -> None:
        """One with something in it is refused with 409."""
        retrying(
            lambda: self._delete(item.name),
            seconds=BUSY_SECONDS,
            retry=lambda error: error.temporary or class_of(error) == "Conflict",
            sleep=self._project.sleep,
        )

    def _delete(self, bucket: str) -> None:
        """Emptied again each time: somebody may still have been writing."""
        try:
            self.empty(bucket, lambda _: True)
            self._ask("DELETE", (bucket,), f"deleting the bucket {bucket}")
        except NotFound:
            return


class States(BucketStates):
    def __init__(self, project: Project) -> None:
        super().__init__(StorageBucket(project))


class Buckets(StateBuckets):
    def __init__(self, project: Project) -> None:
        super().__init__(StorageBucket(project))
