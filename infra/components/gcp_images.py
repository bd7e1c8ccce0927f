"""The repository of an environment's images, and what is cleaned up in it."""

from collections.abc import Mapping, Sequence

import pulumi
from pulumi_gcp import artifactregistry

from toolkit.core.gcp_names import labels_of
from toolkit.core.plan import Item


class Images(pulumi.ComponentResource):
    """The repository of an `image_repository` item.

    Its tags may move: where they may not, nothing with a tag can be deleted, and push prunes
    (https://cloud.google.com/artifact-registry/docs/docker/manage-images#immutable-tags).
    """

    def __init__(self, item: Item, project: str, needs: Sequence[pulumi.Resource]) -> None:
        super().__init__("al:gcp:Images", item.name)
        wanted = item.attributes
        self.repository = artifactregistry.Repository(
            item.name,
            project=project,
            location=wanted["location"],
            repository_id=item.name,
            format=wanted["format"],
            cleanup_policies=[_policy(name, rule) for name, rule in wanted["cleanup"].items()],
            cleanup_policy_dry_run=False,
            labels=labels_of(item.tags),
            opts=pulumi.ResourceOptions(parent=self, depends_on=list(needs)),
        )
        self.register_outputs({"name": self.repository.name})


def _policy(name: str, rule: Mapping[str, str]) -> artifactregistry.RepositoryCleanupPolicyArgs:
    condition = artifactregistry.RepositoryCleanupPolicyConditionArgs(
        tag_state=rule["tag_state"], older_than=rule.get("older_than")
    )
    return artifactregistry.RepositoryCleanupPolicyArgs(
        id=name, action=rule["action"], condition=condition
    )
