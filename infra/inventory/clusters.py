"""The environment's own ECS cluster.  A deleted one may be described as INACTIVE for a while
(https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeleteCluster.html)."""

from collections.abc import Iterator
from typing import Any

from toolkit.clouds.aws import translated
from toolkit.core.errors import NotFound
from toolkit.core.plan import Item

from .account import Account, mapping

# a task that has just stopped may be counted for a moment more
BUSY = ("ClusterContainsTasksException", "UpdateInProgressException")
BUSY_SECONDS = 60.0


class Clusters:
    kind = "cluster"

    def __init__(self, account: Account) -> None:
        self._account = account

    def observe(self) -> Iterator[Item]:
        name = self._account.names.base
        tags = self._account.patiently(lambda: self._tags(name))
        if tags is not None:
            yield Item(kind=self.kind, name=name, tags=tags)

    def remove(self, item: Item) -> None:
        tags = self._account.patiently(lambda: self._tags(item.name))
        if tags is None:
            return
        self._account.refuse_foreign(item, tags)
        self._account.while_busy(lambda: self._delete(item.name), BUSY, seconds=BUSY_SECONDS)
        self._account.until_gone(item, lambda: self._tags(item.name) is not None)

    @property
    def _ecs(self) -> Any:
        return self._account.client("ecs")

    def _tags(self, name: str) -> dict[str, str] | None:
        """Its tags, or None when it is not there any more."""
        with translated(f"looking at the cluster {name}"):
            answer = self._ecs.describe_clusters(clusters=[name], include=["TAGS"])
        found = [one for one in answer["clusters"] if one.get("status") != "INACTIVE"]
        return mapping(found[0].get("tags", ()), "key", "value") if found else None

    def _delete(self, name: str) -> None:
        try:
            with translated(f"deleting the cluster {name}"):
                self._ecs.delete_cluster(cluster=name)
        except NotFound:
            return
