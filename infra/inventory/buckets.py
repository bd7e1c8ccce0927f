"""The bucket of Pulumi's state in S3.  It is versioned, so every version and delete marker is deleted before S3 lets it go
(https://docs.aws.amazon.com/AmazonS3/latest/userguide/delete-bucket.html).
"""

from collections.abc import Iterator, Mapping
from typing import Any

from infra import state_bucket
from toolkit.clouds.aws import translated
from toolkit.core.errors import AlError, NotFound
from toolkit.core.plan import Item

from .account import Account
from .state_buckets import BucketStates, StateBuckets, Wanted

BATCH = 1000  # keys in one page and in one DeleteObjects


class S3Bucket:
    """state_buckets.Bucket; `page` is how many keys are asked for, and deleted, at once."""

    def __init__(self, account: Account, *, page: int = BATCH) -> None:
        self.custody = self._account = account
        self._page = page

    @property
    def _s3(self) -> Any:
        return self._account.client("s3")

    @property
    def name(self) -> str:
        return state_bucket.name(self._account.names, self._account.clients.cloud)

    def _owner(self) -> dict[str, str]:
        """For every call: buckets of all accounts share one space of names."""
        return {"ExpectedBucketOwner": self._account.clients.cloud.account}

    def tags(self, bucket: str) -> dict[str, str] | None:
        look = state_bucket.tags_of
        return self._account.patiently(lambda: look(self._account.clients, bucket))

    def keys(self, bucket: str) -> list[str]:
        """Without earlier versions."""

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

    def empty(self, bucket: str, wanted: Wanted) -> None:
        self._account.patiently(lambda: self._emptied(bucket, wanted))

    def _emptied(self, bucket: str, wanted: Wanted) -> None:
        """DeleteObjects answers 200 also for what it could not delete."""
        with translated(f"emptying the bucket {bucket}"):
            for some in filter(None, self._versions(bucket, wanted)):
                answer = self._s3.delete_objects(
                    Bucket=bucket, Delete={"Objects": some, "Quiet": True}, **self._owner()
                )
                _refuse_failures(bucket, answer)

    def remove(self, item: Item) -> None:
        self._account.while_busy(lambda: self._delete(item.name), ("BucketNotEmpty",))
        self._account.until_gone(item, lambda: self.tags(item.name) is not None)

    def _delete(self, bucket: str) -> None:
        """Emptied again each time: somebody may still have been writing."""
        try:
            self._emptied(bucket, lambda _: True)
            with translated(f"deleting the bucket {bucket}"):
                self._s3.delete_bucket(Bucket=bucket, **self._owner())
        except NotFound:
            return


class States(BucketStates):
    def __init__(self, account: Account) -> None:
        super().__init__(S3Bucket(account))


class Buckets(StateBuckets):
    def __init__(self, account: Account, *, page: int = BATCH) -> None:
        super().__init__(S3Bucket(account, page=page))


def _refuse_failures(bucket: str, answer: Mapping[str, Any]) -> None:
    for failure in answer.get("Errors", ()):
        raise AlError(
            f"emptying the bucket {bucket}: {failure.get('Key')}: {failure.get('Message')} ({failure.get('Code')})",
            hint="run the same command again; a retention lock on the object must end first",
        )
