"""Secrets without values: somebody else puts those."""

from collections.abc import Iterable
from typing import Any

from toolkit.clouds.aws import tag_list

from . import Clients, Inputs, Made, by_name, mapping


class Secret:
    """Its id is its name here; Pulumi's is the ARN, which changes with every creation."""

    ref = staticmethod(by_name)

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def create(self, inputs: Inputs) -> Made | None:
        service, name = self._clients("secretsmanager"), inputs["name"]
        try:
            answer = service.create_secret(
                Name=name,
                Description=inputs["description"],
                Tags=tag_list(inputs["tags"], "Key", "Value"),
            )
        except service.exceptions.ResourceExistsException:
            return None
        return name, {"arn": answer["ARN"]}

    def update(self, inputs: Inputs) -> Made:
        service, name = self._clients("secretsmanager"), inputs["name"]
        answer = service.update_secret(SecretId=name, Description=inputs["description"])
        service.tag_resource(SecretId=name, Tags=tag_list(inputs["tags"], "Key", "Value"))
        return name, {"arn": answer["ARN"]}

    def delete(self, ref: str) -> None:
        """For good: within a recovery window the name would stay taken."""
        service = self._clients("secretsmanager")
        try:
            service.delete_secret(SecretId=ref, ForceDeleteWithoutRecovery=True)
        except service.exceptions.ResourceNotFoundException:
            return

    def present(self, ids: Iterable[str]) -> set[str]:
        pages = self._clients("secretsmanager").get_paginator("list_secrets").paginate()
        return set(ids) & {secret["Name"] for page in pages for secret in page["SecretList"]}

    def tags(self, ref: str) -> dict[str, str] | None:
        service = self._clients("secretsmanager")
        try:
            found = service.describe_secret(SecretId=ref)
        except service.exceptions.ResourceNotFoundException:
            return None
        return None if "DeletedDate" in found else mapping(found.get("Tags", ()))


WHOLES = {"aws:secretsmanager/secret:Secret": Secret}
PARTS: dict[str, Any] = {}
