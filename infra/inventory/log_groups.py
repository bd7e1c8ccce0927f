"""Log groups: the one of all Fargate tasks, and one for each function.

Lambda makes a function's group when there is none, without tags and without an end to its retention, and it outlives
the function (https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs.html).  Such a group is ours only
when a function of exactly that name is known to be: what its name begins with proves nothing.
"""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from toolkit.clouds.aws import translated
from toolkit.core.errors import Conflict, NotFound
from toolkit.core.plan import Item

from .account import Account
from .functions import LONGEST

OF_FUNCTIONS = "/aws/lambda/"


class LogGroups:
    kind = "log_group"

    def __init__(self, account: Account) -> None:
        self._account = account

    def observe(self) -> Iterator[Item]:
        """The name of the function that one is written by is its attribute `function`."""
        shared, begins = self._account.names.ecs_log_group, self._account.begins(LONGEST)
        in_cluster = self._account.patiently(partial(self._named, shared))
        of_functions = self._account.patiently(partial(self._named, f"{OF_FUNCTIONS}{begins}"))
        found = [one for one in in_cluster if one[0] == shared] + of_functions
        all_tags = self._account.each(self._tags, [arn for _, arn in found])
        for (name, _), tags in zip(found, all_tags, strict=True):
            if tags is not None:
                of = name.removeprefix(OF_FUNCTIONS) if name.startswith(OF_FUNCTIONS) else None
                yield Item(
                    kind=self.kind,
                    name=name,
                    attributes={"function": of} if of else {},
                    tags=tags,
                )

    def remove(self, item: Item) -> None:
        """One without any tags goes only as the item that AwsInventory has found to be ours."""
        listed = self._account.patiently(lambda: self._listed(item.name))
        live = next((one for one in listed if one["logGroupName"] == item.name), None)
        tags = self._account.patiently(lambda: self._tags(_arn(live))) if live else None
        if live is None or tags is None:
            return
        self._account.refuse_foreign(
            item, tags or (item.tags if "function" in item.attributes else {})
        )
        _refuse_protected(item, live)
        self._account.patiently(lambda: self._delete(item.name))
        self._account.until_gone(item, lambda: item.name in dict(self._named(item.name)))

    @property
    def _logs(self) -> Any:
        return self._account.client("logs")

    def _named(self, begins: str) -> list[tuple[str, str]]:
        """Name and ARN."""
        return [(one["logGroupName"], _arn(one)) for one in self._listed(begins)]

    def _listed(self, begins: str) -> list[Mapping[str, Any]]:
        with translated(f"listing the log groups {begins}*"):
            pages = self._logs.get_paginator("describe_log_groups").paginate(
                logGroupNamePrefix=begins
            )
            return [one for page in pages for one in page["logGroups"]]

    def _tags(self, arn: str) -> dict[str, str] | None:
        try:
            with translated(f"reading the tags of {arn}"):
                return dict(self._logs.list_tags_for_resource(resourceArn=arn).get("tags") or {})
        except NotFound:
            return None

    def _delete(self, name: str) -> None:
        try:
            with translated(f"deleting the log group {name}"):
                self._logs.delete_log_group(logGroupName=name)
        except NotFound:
            return


def _arn(group: Mapping[str, Any]) -> str:
    """Tags are asked for by the ARN without the `:*` at its end."""
    return str(group["arn"]).removesuffix(":*")


def _refuse_protected(item: Item, group: Mapping[str, Any]) -> None:
    """Somebody has put the protection on, and `al` takes none off
    (https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogGroupDeletionProtection.html)."""
    if group.get("deletionProtectionEnabled"):
        raise Conflict(
            f"the log group {item.name} is protected from deletion",
            hint="if nobody needs its lines: aws logs put-log-group-deletion-protection "
            f"--no-deletion-protection-enabled --log-group-identifier {item.name}, then run the same command again",
        )
