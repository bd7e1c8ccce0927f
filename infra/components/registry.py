"""An image repository: what may pull from it, and what expires in it."""

import pulumi
import pulumi_aws as aws

from infra.desired.policy import text
from toolkit.core.plan import Item


class Registry(pulumi.ComponentResource):
    """The repository of a `repository` item, with its lifecycle and, for Lambda, its policy."""

    def __init__(self, item: Item) -> None:
        super().__init__("al:aws:Registry", item.name)
        wanted = item.attributes
        inside = pulumi.ResourceOptions(parent=self)
        self.repository = aws.ecr.Repository(
            item.name,
            name=item.name,
            image_tag_mutability="IMMUTABLE" if wanted["immutable"] else "MUTABLE",
            image_scanning_configuration={"scanOnPush": wanted["scan_on_push"]},
            force_delete=True,  # its images are of no use to anybody once its agent is gone
            tags=dict(item.tags),
            opts=inside,
        )
        aws.ecr.LifecyclePolicy(
            item.name,
            repository=self.repository.name,
            policy=text(wanted["lifecycle"]),
            opts=inside,
        )
        if wanted["policy"] is not None:
            aws.ecr.RepositoryPolicy(
                item.name,
                repository=self.repository.name,
                policy=text(wanted["policy"]),
                opts=inside,
            )
        self.register_outputs({"url": self.repository.repository_url})
