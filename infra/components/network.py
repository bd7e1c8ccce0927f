"""The security group that runs go out through."""

import warnings

import pulumi

from toolkit.core.plan import Item

with warnings.catch_warnings():
    # importing this room of pulumi_aws warns about one of its classes, which we do not use
    warnings.simplefilter("ignore", DeprecationWarning)
    from pulumi_aws.ec2.security_group import SecurityGroup as Group


class SecurityGroup(pulumi.ComponentResource):
    """The group of a `security_group` item.  Its rules are inline, so that one which somebody adds is taken away."""

    def __init__(self, item: Item) -> None:
        super().__init__("al:aws:SecurityGroup", item.name)
        wanted = item.attributes
        out = wanted["egress"]
        self.group = Group(
            item.name,
            name=item.name,
            description=wanted["description"],
            vpc_id=wanted["vpc"],
            ingress=[],
            egress=[
                {
                    "protocol": out["protocol"],
                    "from_port": 0,
                    "to_port": 0,
                    "cidr_blocks": out["ipv4"],
                    "ipv6_cidr_blocks": out["ipv6"],
                }
            ],
            tags=dict(item.tags),
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({"id": self.group.id})
