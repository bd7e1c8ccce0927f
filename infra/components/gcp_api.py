"""An API of Google's that must be enabled in the project."""

import pulumi
from pulumi_gcp import projects

from toolkit.core.plan import Item


class Api(pulumi.ComponentResource):
    """The service of an `api` item.  It stays enabled: others in the project may use it."""

    def __init__(self, item: Item, project: str) -> None:
        super().__init__("al:gcp:Api", item.name)
        self.service = projects.Service(
            item.name,
            project=project,
            service=item.name,
            disable_on_destroy=False,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({"service": self.service.service})
