"""What Pulumi's engine says that it will do, as our Plan; and its resource types as our words.  Pure.

The event stream: https://www.pulumi.com/docs/iac/automation-api/.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from toolkit.core.plan import ADOPTED, Action, Change, Item, Plan

_ACTIONS: Mapping[str, Action] = {
    "create": Action.CREATE,
    "import": Action.UPDATE,
    "import-replacement": Action.UPDATE,
    "update": Action.UPDATE,
    "replace": Action.UPDATE,  # the engine's other steps of a replacement would say it twice more
    "delete": Action.DELETE,
}
_DONE: Mapping[Action, str] = {
    Action.CREATE: "created",
    Action.UPDATE: "updated",
    Action.DELETE: "deleted",
}
_SAID: Mapping[str, str] = {"import": "took over", "replace": "replaced"}
# how Pulumi marks a secret value on the wire (sdk/python/lib/pulumi/runtime/rpc.py)
_SIGNATURE = "4dabf18193072939515e22adb298388d"


# Google's types have other names than what they are to us
_KINDS: Mapping[str, str] = {
    "gcp:projects/service:Service": "api",
    "gcp:projects/iAMCustomRole:IAMCustomRole": "custom_role",
    "gcp:projects/iAMMember:IAMMember": "grant",
    "gcp:serviceaccount/account:Account": "service_account",
    "gcp:serviceaccount/iAMMember:IAMMember": "grant",
    "gcp:artifactregistry/repository:Repository": "image_repository",
    "gcp:cloudrunv2/service:Service": "run_service",
    "gcp:cloudscheduler/job:Job": "timer",
    "gcp:cloudrunv2/serviceIamMember:ServiceIamMember": "grant",
}


def word(token: str) -> str:
    """`role_policy` for `aws:iam/rolePolicy:RolePolicy`, `grant` for `gcp:projects/iAMMember:IAMMember`."""
    plain = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", token.rpartition(":")[2]).lower()
    return _KINDS.get(token, plain)


def called(token: str, name: str) -> str:
    """`role policy al-dev`, for a sentence."""
    return f"{word(token).replace('_', ' ')} {name}"


def item(token: str, name: str, inputs: Mapping[str, Any]) -> Item:
    """A resource as registered.  Our programs give it the name that it has in the cloud, or that of what it is in."""
    attributes = {key: _shown(value) for key, value in inputs.items() if key != "tags"}
    return Item(
        kind=word(token), name=name, attributes=attributes, tags=dict(inputs.get("tags") or {})
    )


def _shown(value: Any) -> Any:
    """Plans are printed, so a secret is only named as one, as Pulumi's own display does."""
    match value:
        case dict() if _SIGNATURE in value:
            return "[secret]"
        case dict():
            return {key: _shown(inner) for key, inner in value.items()}
        case list():
            return [_shown(inner) for inner in value]
        case _:
            return value


def done(change: Change) -> str:
    """One line of progress."""
    return f"{_DONE[change.action]} {change.item.kind.replace('_', ' ')} {change.item.name}"


def progress(step: Any) -> str | None:
    """One line for a step that has been carried out; None for one that changed nothing in the cloud."""
    change = change_of(step)
    if change is None:
        return None
    said = _SAID.get(_operation(step), _DONE[change.action])
    return f"{said} {change.item.kind.replace('_', ' ')} {change.item.name}"


def plan(events: Iterable[Any]) -> Plan:
    """The changes that the events of a preview announce; removals last, as they are carried out.

    What is imported may be announced as an update too: it is one change, for what it was taken over.
    """
    changes: dict[str, Change] = {}
    for urn, change in _changes(events):
        known = changes.get(urn)
        changes[urn] = replace(change, reason=known.reason) if known else change
    removals = [c for c in changes.values() if c.action is Action.DELETE]
    return Plan((*(c for c in changes.values() if c.action is not Action.DELETE), *removals))


def _changes(events: Iterable[Any]) -> Iterator[tuple[str, Change]]:
    for event in events:
        step = event.resource_pre_event
        if step is not None and (change := change_of(step.metadata)) is not None:
            yield step.metadata.urn, change


def change_of(step: Any) -> Change | None:
    """The change that one step of the engine makes; None for steps that change nothing in the cloud."""
    action = _ACTIONS.get(_operation(step))
    if action is None or step.type.startswith(("pulumi:", "al:")):
        return None
    old, new = (_state(step, side) for side in (step.old, step.new))
    wanted = new or old
    if wanted is None:
        return None
    before = old if action is not Action.CREATE else None
    return Change(action=action, item=wanted, before=before, reason=_reason(step))


def _operation(step: Any) -> str:
    return str(getattr(step.op, "value", step.op))


def _reason(step: Any) -> str:
    operation = _operation(step)
    if operation.startswith("import"):
        return ADOPTED
    names = ", ".join((step.keys if operation == "replace" else None) or step.diffs or ())
    return f"made again, because of {names or 'what it depends on'}" if operation == "replace" else names  # fmt: skip


def _state(step: Any, side: Any) -> Item | None:
    name = step.urn.rpartition("::")[2]
    return None if side is None else item(step.type, name, side.inputs or {})
