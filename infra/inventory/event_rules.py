"""Rules of EventBridge that wake the gateway.  Their names are known, so nothing is listed."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from toolkit.clouds.aws import translated
from toolkit.core.errors import NotFound
from toolkit.core.names import ENDS, TIMER
from toolkit.core.plan import Item

from .account import Account, mapping


class EventRules:
    kind = "event_rule"

    def __init__(self, account: Account) -> None:
        self._account = account

    def observe(self) -> Iterator[Item]:
        names = [self._account.names.event_rule(of) for of in (TIMER, ENDS)]
        for name, tags in zip(names, self._account.each(self._tags, names), strict=True):
            if tags is not None:
                yield Item(kind=self.kind, name=name, tags=tags)

    def remove(self, item: Item) -> None:
        """A rule with targets cannot be deleted
        (https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_DeleteRule.html)."""
        look = partial(self._tags, item.name)
        tags = self._account.patiently(look)
        if tags is None:
            return
        self._account.refuse_foreign(item, tags)
        self._account.patiently(partial(self._delete, item.name))
        self._account.until_gone(item, lambda: look() is not None)

    @property
    def _events(self) -> Any:
        return self._account.client("events")

    def _tags(self, name: str) -> dict[str, str] | None:
        """Its tags, or None when it is not there."""
        try:
            with translated(f"looking at the rule {name}"):
                arn = self._events.describe_rule(Name=name)["Arn"]
                return mapping(self._events.list_tags_for_resource(ResourceARN=arn)["Tags"])
        except NotFound:
            return None

    def _delete(self, name: str) -> None:
        try:
            with translated(f"deleting the rule {name}"):
                targets = self._events.list_targets_by_rule(Rule=name)["Targets"]
                if targets:
                    ids = [target["Id"] for target in targets]
                    self._events.remove_targets(Rule=name, Ids=ids)
                self._events.delete_rule(Name=name)
        except NotFound:
            return
