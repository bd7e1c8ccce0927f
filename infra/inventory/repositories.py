"""ECR repositories, each with its images: of no use to anybody once their agent is gone."""

from collections.abc import Iterator
from typing import Any

from toolkit.clouds.aws import translated
from toolkit.core.errors import NotFound
from toolkit.core.names import BASE, GATEWAY
from toolkit.core.plan import Item

from .account import Account, mapping

LONGEST = 256  # characters of a repository's name, as in Names.repository


class Repositories:
    kind = "repository"

    def __init__(self, account: Account) -> None:
        self._account = account

    def observe(self) -> Iterator[Item]:
        found = self._account.patiently(self._named)
        all_tags = self._account.each(self._tags, [arn for _, arn in found])
        for (name, _), tags in zip(found, all_tags, strict=True):
            if tags is not None:
                yield Item(kind=self.kind, name=name, tags=tags)

    def remove(self, item: Item) -> None:
        arn = self._account.patiently(lambda: self._arn(item.name))
        tags = self._account.patiently(lambda: self._tags(arn)) if arn else None
        if tags is None:
            return
        self._account.refuse_foreign(item, tags)
        self._account.patiently(lambda: self._delete(item.name))
        self._account.until_gone(item, lambda: self._arn(item.name))

    @property
    def _ecr(self) -> Any:
        return self._account.client("ecr")

    def _named(self) -> list[tuple[str, str]]:
        """Name and ARN."""
        begins, names = self._account.begins(LONGEST), self._account.names
        single = {names.repository(part) for part in (BASE, GATEWAY)}
        with translated("listing the repositories"):
            pages = self._ecr.get_paginator("describe_repositories").paginate()
            found = [
                (one["repositoryName"], one["repositoryArn"])
                for page in pages
                for one in page["repositories"]
            ]
        return [(name, arn) for name, arn in found if name.startswith(begins) or name in single]

    def _arn(self, name: str) -> str | None:
        try:
            with translated(f"looking at the repository {name}"):
                found = self._ecr.describe_repositories(repositoryNames=[name])
        except NotFound:
            return None
        return str(found["repositories"][0]["repositoryArn"])

    def _tags(self, arn: str) -> dict[str, str] | None:
        try:
            with translated(f"reading the tags of {arn}"):
                return mapping(self._ecr.list_tags_for_resource(resourceArn=arn)["tags"])
        except NotFound:
            return None

    def _delete(self, name: str) -> None:
        """With its images: ECR refuses a repository that has some otherwise
        (https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DeleteRepository.html)."""
        try:
            with translated(f"deleting the repository {name}"):
                self._ecr.delete_repository(repositoryName=name, force=True)
        except NotFound:
            return
