"""A log group with an end to its retention."""

import pulumi
import pulumi_aws as aws

from toolkit.core.plan import Item


class LogGroup(pulumi.ComponentResource):
    """The group of a `log_group` item.  Writers depend on it, so that it is made first and removed last:
    a Lambda function that is still finishing would make it again, without retention."""

    def __init__(self, item: Item) -> None:
        super().__init__("al:aws:LogGroup", item.name)
        self.group = aws.cloudwatch.LogGroup(
            item.name,
            name=item.name,
            retention_in_days=item.attributes["retention_days"],
            tags=dict(item.tags),
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({"name": self.group.name})
