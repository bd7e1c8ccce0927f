"""The ECS cluster that Fargate tasks run in."""

import pulumi
import pulumi_aws as aws

from toolkit.core.plan import Item


class Cluster(pulumi.ComponentResource):
    """The cluster of a `cluster` item, and the capacity that its tasks may ask for."""

    def __init__(self, item: Item) -> None:
        super().__init__("al:aws:Cluster", item.name)
        inside = pulumi.ResourceOptions(parent=self)
        self.cluster = aws.ecs.Cluster(item.name, name=item.name, tags=dict(item.tags), opts=inside)
        aws.ecs.ClusterCapacityProviders(
            item.name,
            cluster_name=self.cluster.name,
            capacity_providers=list(item.attributes["capacity_providers"]),
            opts=inside,
        )
        self.register_outputs({"arn": self.cluster.arn})
