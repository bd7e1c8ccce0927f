"""Security groups of the environment.

A network interface that is still in one keeps it from being deleted, and Lambda takes its interfaces away up to
twenty minutes after the function
(https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html#configuration-vpc-attached).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from toolkit.clouds.aws import code_of, translated
from toolkit.core.errors import AlError, Conflict, NotFound
from toolkit.core.plan import Item

from .account import Account, mapping

IN_USE = "DependencyViolation"
IN_USE_SECONDS = 300.0
LONGEST = 255  # characters of a group's name


class SecurityGroups:
    kind = "security_group"

    def __init__(self, account: Account, *, patience: float = IN_USE_SECONDS) -> None:
        self._account = account
        self._patience = patience

    def observe(self) -> Iterator[Item]:
        """By name, one item for each group: a name is unique only within its VPC, so it carries both ids."""
        begins = f"{self._account.begins(LONGEST)}*"
        for group in self._account.patiently(lambda: self._listed("group-name", begins)):
            yield Item(
                kind=self.kind,
                name=group["GroupName"],
                attributes={"id": group["GroupId"], "vpc": group.get("VpcId")},
                tags=mapping(group.get("Tags", ())),
            )

    def remove(self, item: Item) -> None:
        groups = self._account.patiently(lambda: self._listed("group-name", item.name))
        wanted = item.attributes.get("id")
        for group in groups:
            if wanted in (None, group["GroupId"]):
                self._account.refuse_foreign(item, mapping(group.get("Tags", ())))
                self._remove(item, group["GroupId"])

    @property
    def _ec2(self) -> Any:
        return self._account.client("ec2")

    def _listed(self, key: str, value: str) -> list[Mapping[str, Any]]:
        with translated("listing the security groups"):
            pages = self._ec2.get_paginator("describe_security_groups").paginate(
                Filters=[{"Name": key, "Values": [value]}]
            )
            return [group for page in pages for group in page["SecurityGroups"]]

    def _remove(self, item: Item, group: str) -> None:
        try:
            self._account.while_busy(
                lambda: self._delete(item.name, group), (IN_USE,), seconds=self._patience
            )
        except AlError as error:
            if code_of(error) != IN_USE:
                raise
            raise self._in_use(item, group) from error
        self._account.until_gone(item, lambda: self._listed("group-id", group))

    def _delete(self, name: str, group: str) -> None:
        try:
            with translated(f"deleting the security group {name}"):
                self._ec2.delete_security_group(GroupId=group)
        except NotFound:
            return

    def _in_use(self, item: Item, group: str) -> Conflict:
        users = ", ".join(_described(one) for one in self._interfaces(group))
        return Conflict(
            f"the security group {item.name} ({group}) is still used by {users or 'another group or interface'}",
            hint="Lambda gives its interfaces back within twenty minutes: run the same command again then; "
            "what is yours you must detach",
        )

    def _interfaces(self, group: str) -> Sequence[Mapping[str, Any]]:
        with translated(f"looking at what uses {group}"):
            answer = self._ec2.describe_network_interfaces(
                Filters=[{"Name": "group-id", "Values": [group]}]
            )
        found: Sequence[Mapping[str, Any]] = answer["NetworkInterfaces"]
        return found


def _described(interface: Mapping[str, Any]) -> str:
    described = interface.get("Description") or interface.get("InterfaceType") or "no description"
    return f"{interface['NetworkInterfaceId']} ({described})"
