"""Three ways: what should be, what is, what the last push made.  The third says whose change it was."""

from dataclasses import replace
from typing import Any

import pytest

from infra.reconcile import drift
from toolkit.core.plan import Action, Change, Item, Plan

A, B, C = {"allows": "a"}, {"allows": "b"}, {"allows": "c"}


def role(
    policy: Any = A, *, name: str = "r", tags: dict[str, str] | None = None, **more: Any
) -> Item:
    return Item(kind="role", name=name, attributes={"policy": policy, **more}, tags=tags or {})


def the_change(desired: Item, live: Item, applied: Item | None) -> Change:
    (change,) = planned([desired], [live], [applied] if applied else []).changes
    return change


def planned(desired: list[Item], live: list[Item], applied: list[Item]) -> Plan:
    return drift.plan(
        desired, live, applied, same=lambda _, a, b: a == b, collections=("attached",)
    )


@pytest.mark.parametrize(
    ("desired", "live", "applied", "words"),
    [
        (A, B, A, "policy: changed in the account"),
        (A, None, A, "policy: removed in the account"),
        (None, B, None, "policy: added in the account"),
        (A, B, B, "policy: changed in the project"),
        (A, None, None, "policy: added in the project"),
        (None, B, B, "policy: removed in the project"),
        (A, B, C, "policy: changed in the project and in the account"),
    ],
)
def test_the_record_says_who_changed_it(desired: Any, live: Any, applied: Any, words: str) -> None:
    """What equals the record has not changed; the other one has."""
    assert the_change(role(desired), role(live), role(applied)).reason == words


def test_without_a_record_nobody_is_blamed() -> None:
    """No push has made it."""
    assert "no push has recorded" in the_change(role(A), role(B), None).reason


def test_every_attribute_is_judged_alone() -> None:
    """One may have changed here and another there."""
    change = the_change(role(A, boundary="x"), role(B, boundary="y"), role(A, boundary="y"))
    assert change.reason == "policy: changed in the account; boundary: changed in the project"


def test_the_parts_of_a_collection_are_named() -> None:
    """Which policy was attached, which tag was changed: those that differ, and no others."""
    wanted = role(attached=[], tags={"al:agent": "dev", "al:project": "shop"})
    live = role(attached=["arn:admin"], tags={"al:agent": "ops", "al:project": "shop"})
    assert the_change(wanted, live, wanted).reason == (
        "attached: added in the account (arn:admin); tags: changed in the account (al:agent)"
    )


def test_what_means_the_same_is_no_change() -> None:
    """Written otherwise, and shown as wanted where something else differs."""

    def same(_: str, one: Any, other: Any) -> bool:
        return str(one).lower() == str(other).lower()

    assert drift.plan([role("x")], [role("X")], [], same=same) == Plan()
    wanted, live = role("x", boundary="a"), role("X", boundary="b")
    (change,) = drift.plan([wanted], [live], [], same=same).changes
    assert change.before == role("x", boundary="b")


def test_a_deleted_one_is_told_from_a_new_one() -> None:
    """By the record, too."""
    assert planned([role()], [], [role()]).changes[0].reason == "deleted in the account"
    assert planned([role()], [], []).changes[0].reason == "new in the project"


def test_removals_come_last() -> None:
    """After what is made and what is changed."""
    gone, changed, new = role(name="gone"), role(name="changed"), role(name="new")
    plan = planned([changed, new], [gone, replace(changed, attributes={"policy": B})], [])
    assert [(c.action, c.item.name) for c in plan.changes] == [
        (Action.CREATE, "new"),
        (Action.UPDATE, "changed"),
        (Action.DELETE, "gone"),
    ]
    assert plan.changes[-1].reason == "no longer in the project"


def test_a_record_of_an_older_version_may_lack_an_attribute() -> None:
    """What was empty then and is not recorded is as if it were."""
    older = Item(kind="role", name="r", attributes={"policy": A})
    change = the_change(role(boundary=None), role(boundary="x"), older)
    assert change.reason == "boundary: added in the account"
