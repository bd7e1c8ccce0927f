"""The bucket that holds Pulumi's state of the environment, and our stack's records in it: the same on every cloud.

The bucket goes with everything in it, unless something else uses it; then only our own stack's records go.  How a bucket
is read and emptied, each cloud says in its own file.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Protocol

from toolkit.core.errors import Conflict
from toolkit.core.names import Names
from toolkit.core.plan import Item

from .account import Custody
from .pulumi_objects import is_ours, others_in, some, stack

Wanted = Callable[[str], bool]


class Bucket(Protocol):
    """What a cloud does with the bucket; each call is patient."""

    @property
    def custody(self) -> Custody:
        """The names of the environment, and patience."""

    @property
    def name(self) -> str:
        """What the environment's is called."""

    def tags(self, bucket: str) -> Mapping[str, str] | None:
        """None when it is not there."""

    def keys(self, bucket: str) -> list[str]:
        """What it holds now."""

    def empty(self, bucket: str, wanted: Wanted) -> None:
        """Delete the wanted keys, all their versions."""

    def remove(self, item: Item) -> None:
        """Delete it with everything in it, and wait until it is gone."""


class BucketStates:
    """Our stack's records in a bucket that stays."""

    kind = "pulumi_state"

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket

    @property
    def _names(self) -> Names:
        return self._bucket.custody.names

    def observe(self) -> Iterator[Item]:
        bucket, names = self._bucket.name, self._names
        tags = self._bucket.tags(bucket)
        if not tags or not names.owns(dict(tags)):
            return
        keys = self._bucket.keys(bucket)
        ours = [key for key in keys if is_ours(names, key)]
        if ours and others_in(names, keys):
            yield Item(
                kind=self.kind,
                name=f"{bucket}/{stack(names)}",
                attributes={"objects": len(ours)},
                tags=names.tags(),
            )

    def remove(self, item: Item) -> None:
        bucket = item.name.partition("/")[0]
        tags = self._bucket.tags(bucket)
        if tags is None:
            return
        self._bucket.custody.refuse_foreign(item, tags)
        self._bucket.empty(bucket, lambda key: is_ours(self._names, key))


class StateBuckets:
    """The bucket itself."""

    kind = "bucket"

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket

    def observe(self) -> Iterator[Item]:
        """With the reason to keep it in the attribute `kept`, when something else uses it."""
        bucket = self._bucket.name
        tags = self._bucket.tags(bucket)
        if tags is not None:
            others = self._others(bucket) if self._bucket.custody.names.owns(dict(tags)) else []
            kept = {"kept": f"it also holds {some(others)}"} if others else {}
            yield Item(kind=self.kind, name=bucket, attributes=kept, tags=dict(tags))

    def remove(self, item: Item) -> None:
        tags = self._bucket.tags(item.name)
        if tags is None:
            return
        self._bucket.custody.refuse_foreign(item, tags)
        if others := self._others(item.name):
            raise Conflict(
                f"the bucket {item.name} also holds {some(others)}",
                hint="it stays until that is gone",
            )
        self._bucket.remove(item)

    def _others(self, bucket: str) -> list[str]:
        return others_in(self._bucket.custody.names, self._bucket.keys(bucket))
