"""The ECS cluster that Fargate tasks run in."""

import pulumi
import pulumi_aws as aws

from toolkit.core.plan import Item


class Cluster(pulumi.ComponentResource):
    """The cluster of a `cluster` item."""

    def __init__(self, item: Item) -> None:
        super().__init__("al:aws:Cluster", item.name)
        self.cluster = aws.ecs.Cluster(
            item.name,
            name=item.name,
            tags=dict(item.tags),
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({"arn": self.cluster.arn})
