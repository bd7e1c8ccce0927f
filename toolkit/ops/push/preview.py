"""What the engine announces beside what the project's record shows: drift, what it takes over, what is somebody else's.

A plan is made from what earlier pushes recorded, which costs nothing; the account may differ from that.  Before a
person agrees to a plan that changes infrastructure, the engine is asked what it is really going to do.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace

from toolkit.core.errors import AccessDenied, ConfigError, CredentialError
from toolkit.core.plan import ADOPTED, Action, Change, Plan
from toolkit.ops import pulumi
from toolkit.ops.push import Push
from toolkit.ops.push import plan as push_plan
from toolkit.ops.push.parts import OTHER_KINDS
from toolkit.ops.push.steps import needs_engine
from toolkit.wiring import Services

DRIFT = {
    Action.CREATE: "missing in the account",
    Action.UPDATE: "differs in the account",
    Action.DELETE: "no longer in the project",
}


def foreseen(push: Push, progress: Callable[[str], None]) -> Push:
    """The push with the engine's own plan in it.  Raises Conflict for what is there and is somebody else's.

    Without a change of the infrastructure no engine starts.  Without Pulumi, or for somebody who may read the record
    and not the account, as a CI job that only plans, there is a warning instead.
    """
    if not needs_engine(push):
        return push
    if lack := _lack(push.services):
        return _unseen(push, lack)
    progress("comparing the infrastructure with the account")
    try:
        announced = push.services.applier.preview(push_plan.foreseeable_items(push))
    except (AccessDenied, CredentialError) as error:
        return _unseen(push, error.message)
    return replace(push, plan=merged(push.plan, announced))


def _unseen(push: Push, why: str) -> Push:
    warning = f"this plan comes from the record of earlier pushes, and was not compared with the account: {why}"
    return replace(push, warnings=(*push.warnings, warning))


def _lack(services: Services) -> str | None:
    try:
        missing = pulumi.missing(services)
    except ConfigError as error:  # without the SDK a plan can be shown all the same
        return error.message
    return missing.reason if missing else None


def merged(recorded: Plan, announced: Plan) -> Plan:
    """Pure: the recorded plan, and in it what only the engine knows, after the rest of the infrastructure."""
    changes = tuple(_taken_over(change, announced) for change in recorded.changes)
    others = [change.item.kind in OTHER_KINDS for change in changes]
    last = len(others) - others[::-1].index(False) if False in others else 0
    return Plan((*changes[:last], *_besides(changes, announced), *changes[last:]))


def _taken_over(change: Change, announced: Plan) -> Change:
    adopted = {c.item.key for c in announced.changes if c.reason == ADOPTED}
    if change.item.key in adopted and change.action is Action.CREATE:
        return replace(change, action=Action.UPDATE, reason=ADOPTED)
    return change


def _besides(recorded: tuple[Change, ...], announced: Plan) -> Iterator[Change]:
    """What belongs to something that the record names anyway, as a role's policy, is not told of twice."""
    names = {change.item.name for change in recorded if change.item.kind not in OTHER_KINDS}
    for change in announced.changes:
        if not _named(change, names):
            yield change if change.reason == ADOPTED else replace(change, reason=_reason(change))


def _named(change: Change, names: set[str]) -> bool:
    """A function's permission is called after the function and its own id; an account's grant so, too."""
    name = change.item.name
    part = change.item.kind in ("permission", "grant") and any(
        name.startswith(f"{n}-") for n in names
    )
    return part or name in names


def _reason(change: Change) -> str:
    what = DRIFT[change.action]
    return f"{what}: {change.reason}" if change.reason else what
