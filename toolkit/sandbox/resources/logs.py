"""CloudWatch log groups."""

from collections.abc import Iterable, Iterator
from typing import Any

from . import Clients, Inputs, Made, by_name


class LogGroup:
    ref = staticmethod(by_name)

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def create(self, inputs: Inputs) -> Made | None:
        logs, name = self._clients("logs"), inputs["name"]
        try:
            logs.create_log_group(logGroupName=name, tags=dict(inputs["tags"]))
        except logs.exceptions.ResourceAlreadyExistsException:
            return None
        self._retain(inputs)
        return name, {}

    def update(self, inputs: Inputs) -> Made:
        name = inputs["name"]
        self._retain(inputs)
        self._clients("logs").tag_resource(resourceArn=self._arn(name), tags=dict(inputs["tags"]))
        return name, {}

    def delete(self, ref: str) -> None:
        logs = self._clients("logs")
        try:
            logs.delete_log_group(logGroupName=ref)
        except logs.exceptions.ResourceNotFoundException:
            return

    def present(self, ids: Iterable[str]) -> set[str]:
        return set(ids) & {group["logGroupName"] for group in self._groups()}

    def tags(self, ref: str) -> dict[str, str] | None:
        arn = self._arn(ref)
        if arn is None:
            return None
        return dict(self._clients("logs").list_tags_for_resource(resourceArn=arn)["tags"])

    def _retain(self, inputs: Inputs) -> None:
        self._clients("logs").put_retention_policy(
            logGroupName=inputs["name"], retentionInDays=inputs["retentionInDays"]
        )

    def _arn(self, name: str) -> str | None:
        """DescribeLogGroups gives it with `:*` at its end, which tagging refuses
        (https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_LogGroup.html)."""
        found = [g["arn"] for g in self._groups(name) if g["logGroupName"] == name]
        return str(found[0]).removesuffix(":*") if found else None

    def _groups(self, prefix: str = "/") -> Iterator[dict[str, Any]]:
        pages = self._clients("logs").get_paginator("describe_log_groups")
        for page in pages.paginate(logGroupNamePrefix=prefix):
            yield from page["logGroups"]


WHOLES = {"aws:cloudwatch/logGroup:LogGroup": LogGroup}
PARTS: dict[str, Any] = {}
