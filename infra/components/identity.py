"""A role, its one inline policy and its boundary: what an agent, or the gateway, may do."""

import pulumi
import pulumi_aws as aws

from infra.desired.policy import text
from toolkit.core.plan import Item

POLICY = "grants"


class Identity(pulumi.ComponentResource):
    """`role` and `policy` of a `role` item.  Whoever uses the role depends on both."""

    def __init__(self, item: Item) -> None:
        super().__init__("al:aws:Identity", item.name)
        inside = pulumi.ResourceOptions(parent=self)
        self.role = aws.iam.Role(
            item.name,
            name=item.name,
            assume_role_policy=text(item.attributes["trust"]),
            permissions_boundary=item.attributes["boundary"],
            # one that somebody attached would keep the role from being deleted (IAM API reference, DeleteRole)
            force_detach_policies=True,
            tags=dict(item.tags),
            opts=inside,
        )
        self.policy = aws.iam.RolePolicy(
            item.name,
            name=POLICY,
            role=self.role.name,
            policy=text(item.attributes["policy"]),
            opts=inside,
        )
        self.register_outputs({"arn": self.role.arn})
