"""What should be, what is, and what the last push made: the difference, and whose change it was.  Pure.

Two ways cannot tell a project that changed from an account that somebody changed; the third says it (D6).
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from toolkit.core.errors import AlError
from toolkit.core.plan import Action, Change, Item, Plan, diff

Same = Callable[
    [str, Any, Any], bool
]  # whether two values of the attribute of that name mean the same
GONE = "no longer in the project"
_TAGS = "tags"


class NotShown(AlError):
    """IAM is eventually consistent, everywhere (https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html,
    https://cloud.google.com/iam/docs/access-change-propagation)."""

    temporary = True

    def __init__(self, left: Sequence[Change]) -> None:
        super().__init__(
            f"IAM does not show what was changed in {', '.join(c.item.name for c in left)}",
            hint="run `al doctor -c` again: either IAM is slow, or somebody else is changing it too",
        )


def plan(
    desired: Iterable[Item],
    observed: Iterable[Item],
    applied: Iterable[Item],
    *,
    same: Same,
    collections: Collection[str] = (),
) -> Plan:
    """What turns `observed` into `desired`; every reason names the attributes that differ and who changed them.

    `collections` are the attributes whose parts are worth naming.  `observed` must hold nothing foreign: whatever of
    it is not desired is to be deleted.
    """
    wanted = {item.key: item for item in desired}
    recorded = {item.key: item for item in applied}
    live = [_in_the_words_of(wanted.get(item.key), item, same) for item in observed]
    cause = _Causes(recorded, same, frozenset({*collections, _TAGS}))
    changes = diff(wanted.values(), live).changes
    return Plan(tuple(replace(change, reason=cause.of(change)) for change in changes))


def _in_the_words_of(wanted: Item | None, live: Item, same: Same) -> Item:
    """`live`, with what means the same as wanted written as wanted, so that no phantom differs."""
    if wanted is None:
        return live
    attributes = {
        name: wanted.attributes[name]
        if name in wanted.attributes and same(name, value, wanted.attributes[name])
        else value
        for name, value in live.attributes.items()
    }
    return replace(live, attributes=attributes)


class _Causes:
    """Who made each difference, as far as the record of the last push can tell."""

    def __init__(
        self, recorded: Mapping[tuple[str, str], Item], same: Same, collections: Collection[str]
    ) -> None:
        self._recorded, self._same, self._collections = recorded, same, collections

    def of(self, change: Change) -> str:
        record = self._recorded.get(change.item.key)
        if change.action is Action.DELETE:
            return GONE
        if change.before is None:
            return "deleted in the account" if record else "new in the project"
        wanted, live = _values(change.item), _values(change.before)
        names = [n for n in dict.fromkeys([*wanted, *live]) if wanted.get(n) != live.get(n)]
        before = _values(record) if record else None
        return "; ".join(self._difference(n, wanted.get(n), live.get(n), before) for n in names)

    def _difference(
        self, name: str, wanted: Any, live: Any, before: Mapping[str, Any] | None
    ) -> str:
        words = self._whose(name, wanted, live, before)
        parts = _parts(wanted, live) if name in self._collections else ""
        return f"{name}: {words}{f' ({parts})' if parts else ''}"

    def _whose(self, name: str, wanted: Any, live: Any, before: Mapping[str, Any] | None) -> str:
        if before is None:
            return "differs, and no push has recorded which is newer"
        if self._equal(name, wanted, before.get(name)):
            return f"{_verb(wanted, live)} in the account"
        if self._equal(name, live, before.get(name)):
            return f"{_verb(live, wanted)} in the project"
        return "changed in the project and in the account"

    def _equal(self, name: str, one: Any, other: Any) -> bool:
        # a record of an older version may lack an attribute that was empty then
        return (not one and not other) or self._same(name, one, other)


def _values(item: Item) -> dict[str, Any]:
    return {**item.attributes, _TAGS: dict(item.tags)}


def _verb(before: Any, after: Any) -> str:
    if not before:
        return "added"
    return "changed" if after else "removed"


def _parts(wanted: Any, live: Any) -> str:
    """The parts of two lists or mappings that are not in both, or not equal."""
    one, other = (v if isinstance(v, Mapping) else dict.fromkeys(v or ()) for v in (wanted, live))
    both = sorted({*one, *other})
    return ", ".join(k for k in both if k not in one or k not in other or one[k] != other[k])
