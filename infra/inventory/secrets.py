"""Secrets: the credentials' fields, the fingerprint key, and what runs have left.

Deleting without recovery is asynchronous, and until it is done the name is taken
(https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_DeleteSecret.html).
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from toolkit.clouds.aws import translated
from toolkit.core.errors import Conflict, NotFound
from toolkit.core.plan import Item

from .account import Account, mapping


class Secrets:
    kind = "secret"

    def __init__(self, account: Account) -> None:
        self._account = account

    def observe(self) -> Iterator[Item]:
        """By tag, because the prefix of the names is a setting that may have changed since; and by name, to see whose
        the others are.  One that waits for its deletion is still there, `waiting`: its name is taken for weeks."""
        names, found = self._account.names, dict[str, Mapping[str, Any]]()
        tagged = [
            {"Key": "tag-key", "Values": ["al:project"]},
            {"Key": "tag-value", "Values": [names.scope.project]},
        ]
        for secret in self._account.patiently(partial(self._listed, tagged)):
            if names.owns(mapping(secret.get("Tags", ()))):
                found[secret["Name"]] = secret
        by_name = [{"Key": "name", "Values": [names.secrets]}]
        for secret in self._account.patiently(partial(self._listed, by_name)):
            if secret["Name"].startswith(names.secrets):
                found.setdefault(secret["Name"], secret)
        for name, secret in sorted(found.items()):
            yield Item(
                kind=self.kind,
                name=name,
                attributes={"id": secret["ARN"], "waiting": "DeletedDate" in secret},
                tags=mapping(secret.get("Tags", ())),
            )

    def remove(self, item: Item) -> None:
        found = self._account.patiently(lambda: self._described(item.name))
        if found is None:
            return
        self._account.refuse_foreign(item, mapping(found.get("Tags", ())))
        _refuse_replicated(item, found)
        self._account.patiently(lambda: self._delete(item.name))
        self._account.until_gone(item, lambda: self._described(item.name) is not None)

    @property
    def _manager(self) -> Any:
        return self._account.client("secretsmanager")

    def _listed(self, filters: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        with translated("listing the secrets"):
            pages = self._manager.get_paginator("list_secrets").paginate(
                Filters=filters, IncludePlannedDeletion=True
            )
            return [secret for page in pages for secret in page["SecretList"]]

    def _described(self, name: str) -> Mapping[str, Any] | None:
        try:
            with translated(f"looking at the secret {name}"):
                found: Mapping[str, Any] = self._manager.describe_secret(SecretId=name)
        except NotFound:
            return None
        return found

    def _delete(self, name: str) -> None:
        try:
            with translated(f"deleting the secret {name}"):
                self._manager.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
        except NotFound:
            return


def _refuse_replicated(item: Item, found: Mapping[str, Any]) -> None:
    """`al` replicates nothing, so somebody in another region may live off it; Secrets Manager deletes no secret that has
    replicas (https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_DeleteSecret.html)."""
    regions = [replica["Region"] for replica in found.get("ReplicationStatus") or ()]
    if regions:
        raise Conflict(
            f"the secret {item.name} is replicated to {', '.join(regions)}",
            hint="if nobody needs it there: aws secretsmanager remove-regions-from-replication "
            f"--secret-id {item.name} --remove-replica-regions {' '.join(regions)}, then run the same command again",
        )
