"""A role of the project's own: the few permissions that no role of Google's has alone."""

from collections.abc import Sequence

import pulumi
from pulumi_gcp import projects

from infra.desired.gcp_marks import mark
from toolkit.core.plan import Item


class Role(pulumi.ComponentResource):
    """The role of a `custom_role` item.  One that was deleted a while ago is brought back by the provider."""

    def __init__(self, item: Item, project: str, needs: Sequence[pulumi.Resource]) -> None:
        super().__init__("al:gcp:Role", item.name)
        self.role = projects.IAMCustomRole(
            item.name,
            project=project,
            role_id=item.name,
            title=item.attributes["title"],
            description=mark(item.tags),
            permissions=list(item.attributes["permissions"]),
            stage="GA",
            opts=pulumi.ResourceOptions(parent=self, depends_on=list(needs)),
        )
        self.register_outputs({"name": self.role.name})
