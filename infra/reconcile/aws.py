"""The Reconciler for AWS: an environment's IAM roles as they are, as they should be, and made so by API.

Reads freely; writes only through `apply`, and only to roles with this environment's tags.  Roles that the user brings
are read and judged, never changed.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from infra.events import done
from toolkit.clouds.aws import PROPAGATION, clients_for, cloud_of
from toolkit.core.errors import AccessDenied, NotFound
from toolkit.core.plan import Action, Change, Grant, Item, Plan
from toolkit.core.ports import Concern, Context
from toolkit.core.retry import retrying

from . import brought, documents, drift, roles
from .iam import Iam, at_once

PROFILES = "profiles"
_DOCUMENTS = ("trust", "policy")
_STAY = {
    "path",
    PROFILES,
}  # attributes of roles of ours that cannot be repaired or removed as they stand


class AwsReconciler:
    """Raises ConfigError for an environment that is not on AWS."""

    def __init__(
        self,
        context: Context,
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._cloud = cloud_of(context.environment)
        self._clients = clients_for(self._cloud)
        self._names = context.names
        self._sleep, self._clock = sleep, clock

    def observe(self, desired: Sequence[Item]) -> tuple[Item, ...]:
        """Ours by tag, and whatever stands under a desired name.  Of ours that is not desired any more, the attribute
        `profiles` names the instance profiles that hold it."""
        seen = self._seen(desired)
        wanted = {item.name.lower() for item in _roles(desired)}
        going = [i for i in seen if i.name.lower() not in wanted]
        held = {item.name: item for item in at_once(self._held, going)}
        return tuple(held.get(item.name, item) for item in seen)

    def _seen(self, desired: Sequence[Item]) -> tuple[Item, ...]:
        return roles.observe(self._clients, self._names, [i.name for i in _roles(desired)])

    def _held(self, item: Item) -> Item:
        try:
            profiles = roles.held_by(self._iam(), item.name)
        except NotFound:  # it has gone meanwhile
            return item
        extra = {PROFILES: list(profiles)} if profiles else {}
        return replace(item, attributes={**item.attributes, **extra})

    def plan(
        self, desired: Sequence[Item], observed: Sequence[Item], applied: Sequence[Item]
    ) -> Plan:
        """Roles only.  A desired name that a foreign role has is left out: `concerns` tells of it."""
        taken = {item.name.lower() for item in observed if not self._repairable(item)}
        return drift.plan(
            [roles.whole(i) for i in _roles(desired) if i.name.lower() not in taken],
            [i for i in observed if self._repairable(i)],
            [roles.whole(i) for i in _roles(applied)],
            same=_same,
            collections=roles.COLLECTIONS,
        )

    def concerns(
        self, observed: Sequence[Item], grants: Mapping[str, Sequence[Grant]]
    ) -> tuple[Concern, ...]:
        """Names that are taken, principals that were deleted, and what brought roles lack."""
        found = [c for item in observed for c in self._troubles(item)]
        used = brought.uses(self._cloud, grants)
        found += brought.concerns(self._iam(), self._cloud, used) if used else []
        return (*found, *self._boundary())

    def apply(self, plan: Plan, *, progress: Callable[[str], None]) -> None:
        """Removals last.  Returns when IAM's own reads show it; other services may see it later."""
        if not plan:
            return
        made = [c for c in plan.changes if c.action is not Action.DELETE]
        gone = [c for c in plan.changes if c.action is Action.DELETE]
        for changes in (made, gone):
            at_once(lambda change: self._make(change, progress), changes)
        progress("waiting until IAM shows it")
        retrying(
            lambda: self._require_shown(plan),
            seconds=PROPAGATION,
            first=0.5,
            longest=10,
            sleep=self._sleep,
            clock=self._clock,
        )

    def _make(self, change: Change, progress: Callable[[str], None]) -> None:
        if change.action is Action.DELETE:
            roles.remove(self._clients, self._names, change.item.name)
        elif change.before is None:
            roles.create(self._iam(), self._names, change.item)
        else:
            roles.update(self._iam(), self._names, change.item, change.before)
        progress(done(change))

    def _require_shown(self, plan: Plan) -> None:
        wanted = [c.item for c in plan.changes if c.action is not Action.DELETE]
        keys = {c.item.key for c in plan.changes}
        seen = [item for item in self._seen(wanted) if item.key in keys]
        if left := self.plan(wanted, seen, ()).changes:
            raise drift.NotShown(left)

    def _repairable(self, item: Item) -> bool:
        return self._names.owns(dict(item.tags)) and not _STAY & item.attributes.keys()

    def _troubles(self, item: Item) -> Iterable[Concern]:
        if not self._names.owns(dict(item.tags)):
            return [_foreign(item, self._names.tags())]
        if "path" in item.attributes:
            return [_elsewhere(item)]
        if PROFILES in item.attributes:
            return [_held(item)]
        return brought.deleted(item.name, item.attributes["trust"])

    def _boundary(self) -> Iterable[Concern]:
        """Roles cannot be made with a boundary that is not there, and those that have one may do nothing."""
        if not (policy := self._cloud.permission_boundary):
            return
        try:
            self._iam().call("get_policy", PolicyArn=policy)
        except NotFound:
            yield _no_boundary(policy)
        except AccessDenied:
            return  # whether it is there is not for this identity to know; the first new role will tell

    def _iam(self) -> Iam:
        return Iam(self._clients, self._sleep, self._clock)


def _roles(items: Iterable[Item]) -> list[Item]:
    return [item for item in items if item.kind == roles.KIND]


def _same(attribute: str, one: Any, other: Any) -> bool:
    return documents.same(one, other) if attribute in _DOCUMENTS else bool(one == other)


def _foreign(item: Item, tags: Mapping[str, str]) -> Concern:
    given = " ".join(f"Key={key},Value={value}" for key, value in tags.items())
    return Concern(
        about=item.name,
        message="a role has this name, and not the tags of this project and environment: it is not touched",
        remedy="remove it, or rename the agent; if it is yours to hand over: "
        f"aws iam tag-role --role-name {item.name} --tags {given}",
    )


def _no_boundary(policy: str) -> Concern:
    return Concern(
        about=policy,
        message="`permissionBoundary` names it, and there is no such policy in the account",
        remedy="make the policy, or correct the environment's file",
    )


def _elsewhere(item: Item) -> Concern:
    path = item.attributes["path"]
    return Concern(
        about=item.name,
        message=f"stands under the path {path}, so its ARN is not the one that its agent runs with",
        remedy="IAM cannot move a role: delete it, and it is made again where it belongs",
    )


def _held(item: Item) -> Concern:
    profiles = item.attributes[PROFILES]
    return Concern(
        about=item.name,
        message=f"is wanted no more, and stays: it is in the instance profile {', '.join(profiles)}, which is not ours",
        remedy=roles.out_of_profile(item.name, profiles[0]),
    )
