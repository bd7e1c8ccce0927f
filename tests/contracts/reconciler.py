"""The laws of core.ports.Reconciler.  A subclass gives the fixtures `reconciler`, `desired` and `account`.

`desired` holds at least two identities and something of another kind.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

import pytest

from toolkit.core.errors import Conflict
from toolkit.core.plan import Action, Change, Item, Plan
from toolkit.core.ports import Reconciler

KINDS = ("role", "service_account", "custom_role")


class Account(Protocol):
    """The account behind a reconciler, in the hands of somebody else."""

    def take(self, name: str) -> None:
        """Make an identity of that name that is not ours."""

    def spoil(self, identity: Item) -> None:
        """Change something that we own of it."""

    def delete(self, identity: Item) -> None: ...

    def identities(self) -> list[str]:
        """The names of all there are."""


def planned(reconciler: Reconciler, desired: Sequence[Item], applied: Sequence[Item] = ()) -> Plan:
    return reconciler.plan(desired, reconciler.observe(desired), applied)


def apply(reconciler: Reconciler, plan: Plan) -> list[str]:
    """Carry it out; the lines of progress."""
    lines: list[str] = []
    reconciler.apply(plan, progress=lines.append)
    return lines


def made(reconciler: Reconciler, desired: Sequence[Item]) -> None:
    """All identities stand as desired."""
    apply(reconciler, planned(reconciler, desired))


def actions(plan: Plan) -> list[tuple[Action, str]]:
    return [(c.action, c.item.name) for c in plan.changes]


class ReconcilerContract:
    """Whatever repairs identities, repairs them so."""

    @pytest.fixture
    def identities(self, desired: Sequence[Item]) -> list[Item]:
        """The desired identities alone."""
        return [item for item in desired if item.kind in KINDS]

    def test_an_empty_account_gets_every_identity(
        self, reconciler: Reconciler, desired: Sequence[Item], identities: list[Item]
    ) -> None:
        """One creation for each, and none for other kinds of things."""
        plan = planned(reconciler, desired)
        assert sorted(actions(plan)) == sorted((Action.CREATE, i.name) for i in identities)
        assert {c.reason for c in plan.changes} == {"new in the project"}

    def test_what_was_applied_is_what_was_desired(
        self,
        reconciler: Reconciler,
        desired: Sequence[Item],
        identities: list[Item],
        account: Account,
    ) -> None:
        """Observed again, nothing differs; each change was told of."""
        lines = apply(reconciler, planned(reconciler, desired))
        assert planned(reconciler, desired) == Plan()
        assert sorted(account.identities()) == sorted(i.name for i in identities)
        assert [i.name for i in identities if not any(i.name in line for line in lines)] == []

    def test_a_plan_may_be_carried_out_twice(
        self, reconciler: Reconciler, desired: Sequence[Item]
    ) -> None:
        """As after a failure in the middle: what is done already is no error."""
        plan = planned(reconciler, desired)
        apply(reconciler, plan)
        apply(reconciler, plan)
        assert planned(reconciler, desired) == Plan()

    def test_what_somebody_spoiled_is_found_and_repaired(
        self,
        reconciler: Reconciler,
        desired: Sequence[Item],
        identities: list[Item],
        account: Account,
    ) -> None:
        """One update, of that identity alone, which says that it was the account that changed."""
        made(reconciler, desired)
        account.spoil(identities[0])
        plan = planned(reconciler, desired, desired)
        assert actions(plan) == [(Action.UPDATE, identities[0].name)]
        assert "in the account" in plan.changes[0].reason
        apply(reconciler, plan)
        assert planned(reconciler, desired) == Plan()

    def test_what_somebody_deleted_is_made_again(
        self,
        reconciler: Reconciler,
        desired: Sequence[Item],
        identities: list[Item],
        account: Account,
    ) -> None:
        """The record of the last push tells a deleted identity from a new one."""
        made(reconciler, desired)
        account.delete(identities[0])
        plan = planned(reconciler, desired, desired)
        assert [(c.action, c.reason) for c in plan.changes] == [
            (Action.CREATE, "deleted in the account")
        ]
        apply(reconciler, plan)
        assert planned(reconciler, desired) == Plan()

    def test_what_is_no_longer_desired_goes_last(
        self,
        reconciler: Reconciler,
        desired: Sequence[Item],
        identities: list[Item],
        account: Account,
    ) -> None:
        """Removals follow what is made, and a removal of what is gone is no error."""
        first, *rest = identities
        made(reconciler, [first])
        plan = planned(reconciler, rest)
        assert actions(plan)[-1] == (Action.DELETE, first.name)
        assert plan.changes[-1].reason == "no longer in the project"
        account.delete(first)
        apply(reconciler, plan)
        assert planned(reconciler, rest) == Plan()

    def test_a_foreign_identity_is_a_concern_and_never_planned(
        self,
        reconciler: Reconciler,
        desired: Sequence[Item],
        identities: list[Item],
        account: Account,
    ) -> None:
        """It stands in the way under a desired name: said, with a remedy, and left alone."""
        account.take(identities[0].name)
        observed = reconciler.observe(desired)
        plan = reconciler.plan(desired, observed, ())
        (concern,) = reconciler.concerns(observed, {})
        assert identities[0].name not in {c.item.name for c in plan.changes}
        assert (concern.about, concern.warning) == (identities[0].name, False)
        assert concern.remedy

    @pytest.mark.parametrize("action", [Action.CREATE, Action.UPDATE, Action.DELETE])
    def test_a_foreign_identity_is_refused_whatever_a_plan_says(
        self,
        reconciler: Reconciler,
        desired: Sequence[Item],
        identities: list[Item],
        account: Account,
        action: Action,
    ) -> None:
        """Ownership is looked at again when it is written."""
        account.take(identities[0].name)
        (observed,) = [i for i in reconciler.observe(desired) if i.key == identities[0].key]
        (wanted,) = reconciler.plan([identities[0]], (), ()).changes
        before = None if action is Action.CREATE else observed
        plan = Plan((Change(action=action, item=wanted.item, before=before),))
        with pytest.raises(Conflict):
            apply(reconciler, plan)
        assert reconciler.observe(desired) == (observed,)

    def test_a_change_of_the_project_is_told_from_one_of_the_account(
        self, reconciler: Reconciler, desired: Sequence[Item], identities: list[Item]
    ) -> None:
        """What is live is what the last push made, and differs from what is desired now."""
        before = [replace(i, tags={**i.tags, "al:agent": "former"}) for i in identities]
        made(reconciler, before)
        plan = planned(reconciler, identities, before)
        assert {c.action for c in plan.changes} == {Action.UPDATE}
        assert all("in the project" in c.reason for c in plan.changes)
        assert not any("in the account" in c.reason for c in plan.changes)
