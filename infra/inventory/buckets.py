"""The bucket that holds Pulumi's state of the environment, and our stack's records in it.

The bucket goes with everything in it, unless something else uses it; then only our own stack's records go.  It is
versioned, so every version and delete marker is deleted before S3 lets it go
(https://docs.aws.amazon.com/AmazonS3/latest/userguide/delete-bucket.html).
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from infra import state_bucket
from toolkit.clouds.aws import translated
from toolkit.core.errors import AlError, Conflict, NotFound
from toolkit.core.plan import Item

from .account import Account
from .pulumi_objects import is_ours, others_in, some, stack

BATCH = 1000  # keys in one page and in one DeleteObjects
Wanted = Callable[[str], bool]


class _InBucket:
    """What both nouns do with a bucket."""

    def __init__(self, account: Account, *, page: int = BATCH) -> None:
        self._account = account
        self._page = page

    @property
    def _s3(self) -> Any:
        return self._account.client("s3")

    @property
    def _name(self) -> str:
        return state_bucket.name(self._account.names, self._account.clients.cloud)

    def _owner(self) -> dict[str, str]:
        """For every call: buckets of all accounts share one space of names."""
        return {"ExpectedBucketOwner": self._account.clients.cloud.account}

    def _tags(self, bucket: str) -> dict[str, str] | None:
        """Its tags, or None when it is not there."""
        return state_bucket.tags_of(self._account.clients, bucket)

    def _keys(self, bucket: str) -> list[str]:
        """What it holds now, without earlier versions."""

        def listed() -> list[str]:
            with translated(f"listing the bucket {bucket}"):
                pages = self._s3.get_paginator("list_objects_v2").paginate(
                    Bucket=bucket, **self._owner()
                )
                return [one["Key"] for page in pages for one in page.get("Contents", ())]

        return self._account.patiently(listed)

    def _versions(self, bucket: str, wanted: Wanted) -> Iterator[list[dict[str, str]]]:
        """Every version and delete marker of the wanted keys, a page at a time."""
        pages = self._s3.get_paginator("list_object_versions").paginate(
            Bucket=bucket, PaginationConfig={"PageSize": self._page}, **self._owner()
        )
        for page in pages:
            found = [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]
            yield [
                {"Key": one["Key"], "VersionId": one["VersionId"]}
                for one in found
                if wanted(one["Key"])
            ]

    def _empty(self, bucket: str, wanted: Wanted) -> None:
        """DeleteObjects answers 200 also for what it could not delete."""
        with translated(f"emptying the bucket {bucket}"):
            for some in filter(None, self._versions(bucket, wanted)):
                answer = self._s3.delete_objects(
                    Bucket=bucket, Delete={"Objects": some, "Quiet": True}, **self._owner()
                )
                _refuse_failures(bucket, answer)


class States(_InBucket):
    """Our stack's records in a bucket that stays."""

    kind = "pulumi_state"

    def observe(self) -> Iterator[Item]:
        bucket, names = self._name, self._account.names
        tags = self._account.patiently(lambda: self._tags(bucket))
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
        tags = self._account.patiently(lambda: self._tags(bucket))
        if tags is None:
            return
        self._account.refuse_foreign(item, tags)
        names = self._account.names
        self._account.patiently(lambda: self._empty(bucket, lambda key: is_ours(names, key)))


class Buckets(_InBucket):
    kind = "bucket"

    def observe(self) -> Iterator[Item]:
        """With the reason to keep it in the attribute `kept`, when something else uses it."""
        bucket = self._name
        tags = self._account.patiently(lambda: self._tags(bucket))
        if tags is not None:
            mine = self._account.names.owns(tags)
            others = others_in(self._account.names, self._keys(bucket)) if mine else []
            kept = {"kept": f"it also holds {some(others)}"} if others else {}
            yield Item(kind=self.kind, name=bucket, attributes=kept, tags=tags)

    def remove(self, item: Item) -> None:
        tags = self._account.patiently(lambda: self._tags(item.name))
        if tags is None:
            return
        self._account.refuse_foreign(item, tags)
        if others := others_in(self._account.names, self._keys(item.name)):
            raise Conflict(
                f"the bucket {item.name} also holds {some(others)}",
                hint="it stays until that is gone",
            )
        self._account.while_busy(lambda: self._delete(item.name), ("BucketNotEmpty",))
        self._account.until_gone(item, lambda: self._tags(item.name) is not None)

    def _delete(self, bucket: str) -> None:
        """Emptied again each time: somebody may still have been writing."""
        try:
            self._empty(bucket, lambda _: True)
            with translated(f"deleting the bucket {bucket}"):
                self._s3.delete_bucket(Bucket=bucket, **self._owner())
        except NotFound:
            return


def _refuse_failures(bucket: str, answer: Mapping[str, Any]) -> None:
    for failure in answer.get("Errors", ()):
        raise AlError(
            f"emptying the bucket {bucket}: {failure.get('Key')}: {failure.get('Message')} ({failure.get('Code')})",
            hint="run the same command again; a retention lock on the object must end first",
        )
