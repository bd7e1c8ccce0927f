"""Image repositories, what may pull from them, and what expires in them."""

from collections.abc import Iterable

from toolkit.clouds.aws import tag_list

from . import Clients, Inputs, Made, by_name, mapping

REPOSITORY = "aws:ecr/repository:Repository"


class Repository:
    ref = staticmethod(by_name)

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def create(self, inputs: Inputs) -> Made | None:
        ecr = self._clients("ecr")
        try:
            answer = ecr.create_repository(
                repositoryName=inputs["name"],
                imageTagMutability=inputs["imageTagMutability"],
                imageScanningConfiguration=inputs["imageScanningConfiguration"],
                tags=tag_list(inputs["tags"], "Key", "Value"),
            )
        except ecr.exceptions.RepositoryAlreadyExistsException:
            return None
        return inputs["name"], _outputs(answer["repository"])

    def update(self, inputs: Inputs) -> Made:
        ecr, name = self._clients("ecr"), inputs["name"]
        ecr.put_image_tag_mutability(
            repositoryName=name, imageTagMutability=inputs["imageTagMutability"]
        )
        ecr.put_image_scanning_configuration(
            repositoryName=name, imageScanningConfiguration=inputs["imageScanningConfiguration"]
        )
        found = ecr.describe_repositories(repositoryNames=[name])["repositories"][0]
        ecr.tag_resource(
            resourceArn=found["repositoryArn"], tags=tag_list(inputs["tags"], "Key", "Value")
        )
        return name, _outputs(found)

    def delete(self, ref: str) -> None:
        """With its images: `forceDelete` is set in all our repositories."""
        ecr = self._clients("ecr")
        try:
            ecr.delete_repository(repositoryName=ref, force=True)
        except ecr.exceptions.RepositoryNotFoundException:
            return

    def present(self, ids: Iterable[str]) -> set[str]:
        pages = self._clients("ecr").get_paginator("describe_repositories").paginate()
        return set(ids) & {r["repositoryName"] for page in pages for r in page["repositories"]}

    def tags(self, ref: str) -> dict[str, str] | None:
        ecr = self._clients("ecr")
        try:
            found = ecr.describe_repositories(repositoryNames=[ref])["repositories"][0]
        except ecr.exceptions.RepositoryNotFoundException:
            return None
        return mapping(ecr.list_tags_for_resource(resourceArn=found["repositoryArn"])["tags"])


class RepositoryPolicy:
    whole = REPOSITORY

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def create(self, inputs: Inputs) -> Made:
        name = inputs["repository"]
        self._clients("ecr").set_repository_policy(repositoryName=name, policyText=inputs["policy"])
        return name, {}

    update = create

    def delete(self, ref: str) -> None:
        ecr = self._clients("ecr")
        gone = ecr.exceptions
        try:
            ecr.delete_repository_policy(repositoryName=ref)
        except (gone.RepositoryNotFoundException, gone.RepositoryPolicyNotFoundException):
            return

    def of(self, ref: str) -> str:
        return ref


class LifecyclePolicy:
    whole = REPOSITORY

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def create(self, inputs: Inputs) -> Made:
        name = inputs["repository"]
        self._clients("ecr").put_lifecycle_policy(
            repositoryName=name, lifecyclePolicyText=inputs["policy"]
        )
        return name, {}

    update = create

    def delete(self, ref: str) -> None:
        ecr = self._clients("ecr")
        gone = ecr.exceptions
        try:
            ecr.delete_lifecycle_policy(repositoryName=ref)
        except (gone.RepositoryNotFoundException, gone.LifecyclePolicyNotFoundException):
            return

    def of(self, ref: str) -> str:
        return ref


def _outputs(repository: Inputs) -> dict[str, str]:
    return {
        "arn": repository["repositoryArn"],
        "repositoryUrl": repository["repositoryUri"],
        "registryId": repository["registryId"],
    }


WHOLES = {REPOSITORY: Repository}
PARTS = {
    "aws:ecr/repositoryPolicy:RepositoryPolicy": RepositoryPolicy,
    "aws:ecr/lifecyclePolicy:LifecyclePolicy": LifecyclePolicy,
}
