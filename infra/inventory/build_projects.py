"""The project in CodeBuild that builds the environment's images.  Its name is known, so nothing is listed."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from toolkit.clouds.aws import translated
from toolkit.core.plan import Item

from .account import Account


class BuildProjects:
    kind = "build_project"

    def __init__(self, account: Account) -> None:
        self._account = account

    def observe(self) -> Iterator[Item]:
        name = self._account.names.build_project
        if (tags := self._account.patiently(partial(self._tags, name))) is not None:
            yield Item(kind=self.kind, name=name, tags=tags)

    def remove(self, item: Item) -> None:
        """With the records of its builds.  One that is gone is no error
        (https://docs.aws.amazon.com/codebuild/latest/APIReference/API_DeleteProject.html)."""
        tags = self._account.patiently(partial(self._tags, item.name))
        if tags is None:
            return
        self._account.refuse_foreign(item, tags)
        self._account.patiently(partial(self._delete, item.name))

    @property
    def _service(self) -> Any:
        return self._account.client("codebuild")

    def _tags(self, name: str) -> dict[str, str] | None:
        """Its tags, or None when it is not there."""
        with translated(f"looking at the CodeBuild project {name}"):
            found = self._service.batch_get_projects(names=[name])["projects"]
        if not found:
            return None
        return {tag["key"]: tag["value"] for tag in found[0].get("tags") or ()}

    def _delete(self, name: str) -> None:
        with translated(f"deleting the CodeBuild project {name}"):
            self._service.delete_project(name=name)
