"""What Pulumi's engine says that it will do, as our Plan; and its resource types as our words.  Pure.

The event stream: https://www.pulumi.com/docs/iac/automation-api/.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from toolkit.core.plan import Action, Change, Item, Plan

_ACTIONS: Mapping[str, Action] = {
    "create": Action.CREATE,
    "import": Action.CREATE,
    "update": Action.UPDATE,
    "replace": Action.UPDATE,  # the engine's other steps of a replacement would say it twice more
    "delete": Action.DELETE,
}
_DONE: Mapping[Action, str] = {
    Action.CREATE: "created",
    Action.UPDATE: "updated",
    Action.DELETE: "deleted",
}


def word(token: str) -> str:
    """`role_policy` for `aws:iam/rolePolicy:RolePolicy`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", token.rpartition(":")[2]).lower()


def item(token: str, name: str, inputs: Mapping[str, Any]) -> Item:
    """A resource as registered.  Our programs give it the name that it has in the cloud, or that of what it is in."""
    attributes = {key: value for key, value in inputs.items() if key != "tags"}
    return Item(
        kind=word(token), name=name, attributes=attributes, tags=dict(inputs.get("tags") or {})
    )


def done(change: Change) -> str:
    """One line of progress."""
    return f"{_DONE[change.action]} {change.item.kind.replace('_', ' ')} {change.item.name}"


def plan(events: Iterable[Any]) -> Plan:
    """The changes that the events of a preview announce; removals last, as they are carried out."""
    changes = list(_changes(events))
    removals = [c for c in changes if c.action is Action.DELETE]
    return Plan((*(c for c in changes if c.action is not Action.DELETE), *removals))


def _changes(events: Iterable[Any]) -> Iterator[Change]:
    for event in events:
        step = event.resource_pre_event
        if step is not None and (change := change_of(step.metadata)) is not None:
            yield change


def change_of(step: Any) -> Change | None:
    """The change that one step of the engine makes; None for steps that change nothing in the cloud."""
    action = _ACTIONS.get(str(getattr(step.op, "value", step.op)))
    if action is None or step.type.startswith(("pulumi:", "al:")):
        return None
    old, new = (_state(step, side) for side in (step.old, step.new))
    wanted = new or old
    if wanted is None:
        return None
    before = old if action is not Action.CREATE else None
    return Change(action=action, item=wanted, before=before, reason=", ".join(step.diffs or ()))


def _state(step: Any, side: Any) -> Item | None:
    name = step.urn.rpartition("::")[2]
    return None if side is None else item(step.type, name, side.inputs or {})
