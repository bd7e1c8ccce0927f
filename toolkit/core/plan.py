"""Decide, then do: what is wanted, what is there, and the difference, as data (D8).

A plan is shown, agreed to and applied by others; this file only computes it.  `--dry-run` is the absence of
the last step, never a flag that is handed down.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

# why something that is there, and remembered by nobody, is in a plan of an engine's
ADOPTED = "taken over: it is there and has our tags"


class Action(StrEnum):
    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One thing that should be, or is: its kind, its name, and every attribute that we own.

    `attributes` is plain JSON; it never holds a secret's value (put a keyed fingerprint there instead).
    """

    kind: str
    name: str
    attributes: Mapping[str, Any] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, str]:
        return (self.kind, self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    action: Action
    item: Item
    before: Item | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """Changes in the order in which to make them: creations, updates, and removals last."""

    changes: tuple[Change, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.changes)

    def __add__(self, other: "Plan") -> "Plan":
        return Plan(self.changes + other.changes)


def diff(desired: Iterable[Item], observed: Iterable[Item]) -> Plan:
    """What turns `observed` into `desired`.  Tags count: an item with other tags is an update."""
    wanted = {item.key: item for item in desired}
    present = {item.key: item for item in observed}
    create = [
        Change(action=Action.CREATE, item=i) for key, i in wanted.items() if key not in present
    ]
    update = [
        Change(action=Action.UPDATE, item=i, before=present[key], reason=_reason(i, present[key]))
        for key, i in wanted.items()
        if key in present and present[key] != i
    ]
    delete = [
        Change(action=Action.DELETE, item=i, before=i)
        for key, i in present.items()
        if key not in wanted
    ]
    return Plan((*create, *update, *reversed(delete)))


def _reason(wanted: Item, present: Item) -> str:
    names = sorted(set(wanted.attributes) | set(present.attributes))
    changed = [n for n in names if wanted.attributes.get(n) != present.attributes.get(n)]
    return ", ".join([*changed, *(["tags"] if dict(wanted.tags) != dict(present.tags) else [])])


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What a run may touch: named resources only, each with the reason that a reader of the policy wants.

    `role` is the purpose of the identity that gets it, as in Names.role: task, execution or lambda.
    """

    role: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    reason: str = ""
