"""A place for one field of a credential.  The value never comes here: Pulumi's state must not hold it."""

import pulumi
import pulumi_aws as aws

from toolkit.core.plan import Item


class Credential(pulumi.ComponentResource):
    """The empty secret of a `secret` item."""

    def __init__(self, item: Item) -> None:
        super().__init__("al:aws:Credential", item.name)
        self.secret = aws.secretsmanager.Secret(
            item.name,
            name=item.name,
            description=item.attributes["description"],
            # a recovery window would keep the name taken, and the value is on the user's machine anyway
            recovery_window_in_days=0,
            tags=dict(item.tags),
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({"arn": self.secret.arn})
