"""Task definitions: one item for each family, whatever the number of its revisions.

A revision is deregistered first, which makes it INACTIVE, and then deleted, ten in a call.  One that a task still
uses stays DELETE_IN_PROGRESS until that has stopped, and cannot be run any more
(https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeleteTaskDefinitions.html).
"""

from collections.abc import Iterator
from functools import partial
from typing import Any

from toolkit.clouds.aws import translated
from toolkit.core.errors import AlError, NotFound
from toolkit.core.plan import Item

from .account import Account, mapping

LONGEST = 255  # characters of a family's name, as in Names.family
BATCH = 10  # revisions in one DeleteTaskDefinitions
THERE = ("ACTIVE", "INACTIVE")
Revision = tuple[str, str, dict[str, str]]  # `family:revision`, its status, its tags


class TaskDefinitions:
    kind = "task_definition"

    def __init__(self, account: Account) -> None:
        self._account = account

    def observe(self) -> Iterator[Item]:
        """A family with our revisions; a revision of a stranger's by itself."""
        for family in self._account.patiently(self._families):
            ours = []
            for name, _, tags in self._revisions(family):
                if self._account.names.owns(tags):
                    ours.append((name, tags))
                else:
                    yield Item(kind=self.kind, name=name, tags=tags)
            if ours:
                revisions = [name.rsplit(":", 1)[1] for name, _ in ours]
                yield Item(
                    kind=self.kind,
                    name=family,
                    attributes={"revisions": revisions},
                    tags={k: v for k, v in ours[-1][1].items() if k != "al:hash"},
                )

    def remove(self, item: Item) -> None:
        """Our revisions of the family.  Raises Conflict when it has none but a stranger's."""
        family = item.name.rpartition(":")[0] or item.name
        found = self._revisions(family)
        ours = [one for one in found if self._account.names.owns(one[2])]
        if found and not ours:
            self._account.refuse_foreign(item, found[0][2])
        active = [name for name, status, _ in ours if status == "ACTIVE"]
        self._account.each(self._deregister, active)
        names = [name for name, _, _ in ours]
        for start in range(0, len(names), BATCH):
            batch = names[start : start + BATCH]
            self._account.patiently(partial(self._delete, family, batch))

    @property
    def _ecs(self) -> Any:
        return self._account.client("ecs")

    def _families(self) -> list[str]:
        with translated("listing the task definitions"):
            pages = self._ecs.get_paginator("list_task_definition_families").paginate(
                familyPrefix=self._account.begins(LONGEST), status="ALL"
            )
            return sorted(family for page in pages for family in page["families"])

    def _revisions(self, family: str) -> list[Revision]:
        """Those that are not deleted, in the order of their numbers."""
        listed = [self._account.patiently(partial(self._listed, family, s)) for s in THERE]
        names = sorted((n for some in listed for n in some), key=lambda n: int(n.rsplit(":")[-1]))
        found = self._account.each(self._described, names)
        return [one for one in found if one is not None and one[1] in THERE]

    def _listed(self, family: str, status: str) -> list[str]:
        with translated(f"listing the revisions of {family}"):
            pages = self._ecs.get_paginator("list_task_definitions").paginate(
                familyPrefix=family, status=status
            )
            found = [one.rsplit("/", 1)[-1] for page in pages for one in page["taskDefinitionArns"]]
        return [name for name in found if name.rsplit(":", 1)[0] == family]

    def _described(self, name: str) -> Revision | None:
        try:
            with translated(f"looking at the task definition {name}"):
                found = self._ecs.describe_task_definition(taskDefinition=name, include=["TAGS"])
        except NotFound:
            return None
        tags = mapping(found.get("tags", ()), "key", "value")
        return name, found["taskDefinition"]["status"], tags

    def _deregister(self, name: str) -> None:
        with translated(f"deregistering {name}"):
            self._ecs.deregister_task_definition(taskDefinition=name)

    def _delete(self, family: str, names: list[str]) -> None:
        """What cannot be deleted is told in an answer that looks like success."""
        with translated(f"deleting revisions of {family}"):
            answer = self._ecs.delete_task_definitions(taskDefinitions=names)
        left = [f for f in answer.get("failures", ()) if "not exist" not in f.get("reason", "")]
        if left:
            raise AlError(
                f"deleting {left[0].get('arn', family)}: {left[0].get('reason', 'no reason given')}",
                hint="run the same command again in a few minutes: it goes on from there",
            )
