"""One agent's log streams in the group that all Fargate tasks of the environment share.

They are looked for only when a single agent is to go: with the environment their group goes as a whole.
"""

from collections.abc import Iterator
from typing import Any

from toolkit.clouds.aws import translated
from toolkit.core.errors import NotFound
from toolkit.core.plan import Item

from .account import Account
from .log_groups import LogGroups


class LogStreams:
    kind = "log_streams"

    def __init__(self, account: Account) -> None:
        self._account = account

    def observe(self, agent: str) -> Iterator[Item]:
        """`<group>:<agent>/`, when there are any."""
        group, names = self._account.names.ecs_log_group, self._account.names
        owner = next((g for g in LogGroups(self._account).observe() if g.name == group), None)
        if (
            owner
            and names.owns(dict(owner.tags))
            and (found := self._account.patiently(lambda: self._named(group, f"{agent}/")))
        ):
            yield Item(
                kind=self.kind,
                name=f"{group}:{agent}/",
                attributes={"streams": len(found)},
                tags=names.tags(agent=agent),
            )

    def remove(self, item: Item) -> None:
        group, _, begins = item.name.partition(":")
        owner = next((g for g in LogGroups(self._account).observe() if g.name == group), None)
        if owner is None:
            return
        self._account.refuse_foreign(item, owner.tags)
        streams = self._account.patiently(lambda: self._named(group, begins))
        self._account.each(lambda name: self._delete(group, name), streams)

    @property
    def _logs(self) -> Any:
        return self._account.client("logs")

    def _named(self, group: str, begins: str) -> list[str]:
        try:
            with translated(f"listing the streams {begins}* of {group}"):
                pages = self._logs.get_paginator("describe_log_streams").paginate(
                    logGroupName=group, logStreamNamePrefix=begins
                )
                return [one["logStreamName"] for page in pages for one in page["logStreams"]]
        except NotFound:
            return []

    def _delete(self, group: str, name: str) -> None:
        try:
            with translated(f"deleting the log stream {name}"):
                self._logs.delete_log_stream(logGroupName=group, logStreamName=name)
        except NotFound:
            return
