"""A place for one field of a credential.  The value never comes here: Pulumi's state must not hold it."""

from collections.abc import Sequence

import pulumi
from pulumi_gcp import secretmanager

from toolkit.core.gcp_names import annotations_of, labels_of, secret_id
from toolkit.core.plan import Item


class Credential(pulumi.ComponentResource):
    """The empty secret of a `secret` item."""

    def __init__(self, item: Item, project: str, needs: Sequence[pulumi.Resource]) -> None:
        super().__init__("al:gcp:Credential", item.name)
        self.secret = secretmanager.Secret(
            item.name,
            project=project,
            secret_id=secret_id(item.name),
            # cannot be changed afterwards (https://cloud.google.com/secret-manager/docs/choosing-replication)
            replication=secretmanager.SecretReplicationArgs(
                auto=secretmanager.SecretReplicationAutoArgs()
            ),
            labels=labels_of(item.tags),
            annotations=annotations_of(item.tags),
            deletion_protection=False,
            opts=pulumi.ResourceOptions(parent=self, depends_on=list(needs)),
        )
        self.register_outputs({"name": self.secret.name})
