"""The bucket that holds Pulumi's state of the environment on Google Cloud, and our stack's records in it.

As on AWS, the bucket goes with everything in it, unless something else uses it; then only our own stack's records go.
Where the user has named another place for the state, nothing is asked: there is no bucket of ours then, and whoever runs
`al` may have no right to look.
"""

from collections.abc import Callable, Iterator
from typing import Any

from infra import state_bucket_gcp as state_bucket
from toolkit.clouds.gcp_errors import class_of
from toolkit.clouds.gcp_http import Http
from toolkit.core.errors import Conflict, NotFound
from toolkit.core.plan import Item
from toolkit.core.retry import retrying

from .gcp_project import Project
from .pulumi_objects import is_ours, others_in, some, stack

BUSY_SECONDS = 60.0  # in which somebody may still be writing into a bucket that is being emptied


class _InBucket:
    """What both nouns do with the bucket."""

    def __init__(self, project: Project) -> None:
        self._project = project

    @property
    def _name(self) -> str:
        return state_bucket.name(self._project.names, self._project.clients.number)

    def _labels(self, bucket: str) -> dict[str, str] | None:
        look = state_bucket.labels_of
        return self._project.patiently(lambda: look(self._project.clients, bucket))

    def _tags(self, bucket: str) -> dict[str, str] | None:
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

    def _keys(self, bucket: str) -> list[str]:
        return sorted({str(one["name"]) for one in self._objects(bucket)})

    def _empty(self, bucket: str, wanted: Callable[[str], bool]) -> None:
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


class States(_InBucket):
    """Our stack's records in a bucket that stays."""

    kind = "pulumi_state"

    def observe(self) -> Iterator[Item]:
        bucket, names = self._name, self._project.names
        tags = self._tags(bucket)
        if tags and names.owns(tags) and others_in(names, keys := self._keys(bucket)):
            ours = [key for key in keys if is_ours(names, key)]
            if ours:
                yield Item(
                    kind=self.kind,
                    name=f"{bucket}/{stack(names)}",
                    attributes={"objects": len(ours)},
                    tags=names.tags(),
                )

    def remove(self, item: Item) -> None:
        bucket = item.name.partition("/")[0]
        tags = self._tags(bucket)
        if tags is None:
            return
        self._project.refuse_foreign(item, tags)
        self._empty(bucket, lambda key: is_ours(self._project.names, key))


class Buckets(_InBucket):
    kind = "bucket"

    def observe(self) -> Iterator[Item]:
        """With the reason to keep it in the attribute `kept`, when something else uses it."""
        bucket, names = self._name, self._project.names
        tags = self._tags(bucket)
        if tags is not None:
            others = others_in(names, self._keys(bucket)) if names.owns(tags) else []
            kept = {"kept": f"it also holds {some(others)}"} if others else {}
            yield Item(kind=self.kind, name=bucket, attributes=kept, tags=tags)

    def remove(self, item: Item) -> None:
        tags = self._tags(item.name)
        if tags is None:
            return
        self._project.refuse_foreign(item, tags)
        if others := others_in(self._project.names, self._keys(item.name)):
            raise Conflict(
                f"the bucket {item.name} also holds {some(others)}",
                hint="it stays until that is gone",
            )
        # a bucket with something in it is refused with 409
        retrying(
            lambda: self._delete(item.name),
            seconds=BUSY_SECONDS,
            retry=lambda error: error.temporary or class_of(error) == "Conflict",
            sleep=self._project.sleep,
        )

    def _delete(self, bucket: str) -> None:
        """Emptied again each time: somebody may still have been writing."""
        try:
            self._empty(bucket, lambda _: True)
            self._ask("DELETE", (bucket,), f"deleting the bucket {bucket}")
        except NotFound:
            return
