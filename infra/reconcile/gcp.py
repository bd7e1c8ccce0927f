"""The Reconciler for Google Cloud: an environment's service accounts, their grants and its custom roles, made so by API.

Reads freely; writes only through `apply`, and only to what carries this environment's tags.  The project's policy belongs
to everybody in it: only members that are our accounts, and members of our roles, are ever changed there.  Accounts that
the user brings are read and judged, never changed.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from infra.desired.gcp import PURPOSES
from infra.desired.gcp_marks import mark, marked
from infra.events import done
from toolkit.clouds.gcp import cloud_of, gcp_clients_for
from toolkit.core.gcp_names import GcpNames
from toolkit.core.names import GATEWAY
from toolkit.core.plan import Action, Change, Grant, Item, Plan
from toolkit.core.ports import Concern, Context
from toolkit.core.retry import retrying

from . import drift, gcp_brought, gcp_impersonation, gcp_preflight
from . import gcp_accounts as accounts
from . import gcp_bindings as bindings
from . import gcp_roles as roles
from .gcp_iam import Iam, at_once

# typically 2 minutes, potentially 7 or more (https://cloud.google.com/iam/docs/access-change-propagation); what is read
# here is what was written, and is seen sooner
PROPAGATION = 120.0
_NOUNS: Mapping[str, Any] = {roles.KIND: roles, accounts.KIND: accounts}  # in the order of making
_COLLECTIONS = ("grants", "permissions", "strangers", "deleted")


class GcpReconciler:
    """Raises ConfigError for an environment that is not on Google Cloud."""

    def __init__(
        self,
        context: Context,
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._cloud = cloud_of(context.environment)
        self._names, self._google = context.names, GcpNames(context.environment.scope)
        self._own_state = not context.environment.pulumi.get("backend")
        self._builds = context.environment.images.get("builder") == "cloudbuild"
        self._sleep, self._clock = sleep, clock

    def observe(self, desired: Sequence[Item]) -> tuple[Item, ...]:
        """Ours by their descriptions, and whatever stands under a desired name: five calls, whatever the number."""
        iam, wanted = self._iam(), {item.key for item in _identities(desired)}
        policy = iam.policy.read()
        found = [accounts.seen(account, self._names, policy) for account in iam.accounts()]
        ours = [item for item in found if self._owned(item)]
        named = {i.name for i in (*ours, *desired) if i.kind == accounts.KIND}
        emails = {iam.email(name) for name in named}
        there = [role for purpose in PURPOSES if (role := iam.role(self._google.role(purpose)))]
        seen_roles = [roles.seen(role, self._names, policy, emails) for role in there]
        seen = [*(role for role in seen_roles if role), *found]
        return tuple(sorted((i for i in seen if self._owned(i) or i.key in wanted), key=_in_order))

    def plan(
        self, desired: Sequence[Item], observed: Sequence[Item], applied: Sequence[Item]
    ) -> Plan:
        """Accounts and roles only.  A desired name that a foreign one has is left out: `concerns` tells of it."""
        taken = {item.key for item in observed if not self._owned(item)}
        wanted = [_whole(i) for i in _identities(desired) if i.key not in taken]
        return drift.plan(
            sorted(wanted, key=_in_order),
            [i for i in observed if self._owned(i)],
            [_whole(i) for i in _identities(applied)],
            same=lambda _, one, other: bool(one == other),
            collections=_COLLECTIONS,
        )

    def concerns(
        self, observed: Sequence[Item], grants: Mapping[str, Sequence[Grant]]
    ) -> tuple[Concern, ...]:
        """Names that are taken, what an account that the user brings lacks, and what whoever runs `al` may not do."""
        iam = self._iam()
        found = [_foreign(item, self._names.tags()) for item in observed if not self._owned(item)]
        if self._cloud.service_account:
            found += gcp_brought.concerns(iam, self._cloud, self._google, sorted(grants))
        ours = [i.name for i in observed if i.kind == accounts.KIND and self._owned(i)]
        asked = gcp_preflight.concerns(
            iam, self._cloud, ours, own_state=self._own_state, builds=self._builds
        )
        actors = (self._google.service_account(GATEWAY),) if self._cloud.mount_secrets else ()
        return (*found, *gcp_impersonation.concerns(iam, ours, actors), *asked)

    def apply(self, plan: Plan, *, progress: Callable[[str], None]) -> None:
        """Roles, then accounts, then the project's policy in one write, then removals.  Returns when IAM's own reads show
        it; other services may see it minutes later."""
        if not plan:
            return
        made = [c for c in plan.changes if c.action is not Action.DELETE]
        gone = [c for c in plan.changes if c.action is Action.DELETE]
        iam = self._iam()
        for (
            change
        ) in plan.changes:  # before anything is written: nothing of a stranger's is touched
            _NOUNS[change.item.kind].check(iam, self._names, change.item.name)
        for kind in _NOUNS:
            at_once(lambda c: self._make(iam, c), [c for c in made if c.item.kind == kind])
        iam.policy.change(lambda policy: self._edit(iam, policy, made, gone))
        _tell(made, progress)
        for kind in reversed(list(_NOUNS)):
            self._remove(iam, [c for c in gone if c.item.kind == kind], progress)
        progress("waiting until IAM shows it")
        retrying(
            lambda: self._require_shown(plan),
            seconds=PROPAGATION,
            first=0.5,
            longest=10,
            sleep=self._sleep,
            clock=self._clock,
        )

    def _make(self, iam: Iam, change: Change) -> None:
        noun = _NOUNS[change.item.kind]
        write = noun.create if change.before is None else noun.update
        write(iam, self._names, change.item)

    def _remove(self, iam: Iam, changes: Sequence[Change], progress: Callable[[str], None]) -> None:
        at_once(lambda c: _NOUNS[c.item.kind].remove(iam, self._names, c.item.name), changes)
        _tell(changes, progress)

    def _edit(self, iam: Iam, policy: Any, made: Sequence[Change], gone: Sequence[Change]) -> None:
        """What takes rights away comes first."""
        for change in gone:
            if change.item.kind == accounts.KIND:
                bindings.take_all(policy, iam.email(change.item.name))
            else:
                bindings.vacate(policy, iam.role_name(change.item.name))
        for change in made:
            if change.item.kind == roles.KIND:
                own = iam.role_name(change.item.name)
                bindings.expel(policy, own, self._strangers(iam, policy, own, made))
        for change in made:
            if change.item.kind == accounts.KIND:
                bindings.give(policy, iam.email(change.item.name), change.item.attributes["grants"])

    def _strangers(self, iam: Iam, policy: Any, role: str, made: Sequence[Change]) -> list[str]:
        """As it is now: a role that comes back has the members that it had."""
        living = [a.email for a in iam.accounts() if self._names.owns(marked(a.description))]
        coming = [iam.email(c.item.name) for c in made if c.item.kind == accounts.KIND]
        return bindings.strangers_of(policy, role, {*living, *coming})

    def _require_shown(self, plan: Plan) -> None:
        wanted = [c.item for c in plan.changes if c.action is not Action.DELETE]
        keys = {c.item.key for c in plan.changes}
        seen = [item for item in self.observe(wanted) if item.key in keys]
        if left := self.plan(wanted, seen, ()).changes:
            raise drift.NotShown(left)

    def _owned(self, item: Item) -> bool:
        return self._names.owns(dict(item.tags))

    def _iam(self) -> Iam:
        return Iam(gcp_clients_for(self._cloud), self._sleep, self._clock)


def _identities(items: Iterable[Item]) -> list[Item]:
    return [item for item in items if item.kind in _NOUNS]


def _whole(item: Item) -> Item:
    whole: Item = _NOUNS[item.kind].whole(item)
    return whole


def _in_order(item: Item) -> tuple[int, str]:
    return list(_NOUNS).index(item.kind), item.name


def _tell(changes: Iterable[Change], progress: Callable[[str], None]) -> None:
    for change in changes:
        progress(done(change))


def _foreign(item: Item, tags: Mapping[str, str]) -> Concern:
    return Concern(
        about=item.name,
        message=f"a {item.kind.replace('_', ' ')} has this name, and its description does not carry the tags of this "
        "project and environment: it is not touched",
        remedy=f"remove it, or rename the agent; if it is yours to hand over, set its description to '{mark(tags)}'",
    )
