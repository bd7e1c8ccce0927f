"""What only the engine knows is in the plan that a person agrees to."""

from toolkit.core.plan import ADOPTED, Action, Change, Item, Plan
from toolkit.ops.push.preview import merged

ROLE = "al-shop-production-dev-task-role"
FUNCTION = "al-shop-production--gateway"


def change(action: Action, kind: str, name: str, reason: str = "") -> Change:
    return Change(action=action, item=Item(kind=kind, name=name), reason=reason)


def shown(plan: Plan) -> list[tuple[str, str, str, str]]:
    return [(c.action.value, c.item.kind, c.item.name, c.reason) for c in plan.changes]


RECORDED = Plan(
    (
        change(Action.CREATE, "table", "t"),
        change(Action.CREATE, "role", ROLE),
        change(Action.UPDATE, "function", FUNCTION, "image"),
        change(Action.UPDATE, "image", "i"),
    )
)


def test_what_the_record_names_is_not_told_of_twice() -> None:
    """A role's policy, a function's URL and its permissions belong to what they are named after."""
    announced = Plan(
        (
            change(Action.CREATE, "role", ROLE),
            change(Action.CREATE, "role_policy", ROLE),
            change(Action.UPDATE, "function", FUNCTION, "image_uri"),
            change(Action.CREATE, "permission", f"{FUNCTION}-al-url"),
        )
    )
    assert merged(RECORDED, announced) == RECORDED


def test_what_is_taken_over_is_not_called_new() -> None:
    """The record knows nothing of it, and the account has it."""
    announced = Plan((change(Action.UPDATE, "role", ROLE, ADOPTED),))
    assert shown(merged(RECORDED, announced))[1] == ("update", "role", ROLE, ADOPTED)


def test_drift_is_shown_after_the_rest_of_the_infrastructure() -> None:
    """Images and what follows come later, as they are pushed later."""
    announced = Plan(
        (
            change(Action.UPDATE, "log_group", "g", "retention_in_days"),
            change(Action.CREATE, "repository", "r"),
            change(Action.DELETE, "role", "old"),
        )
    )
    assert shown(merged(RECORDED, announced))[3:] == [
        ("update", "log_group", "g", "differs in the account: retention_in_days"),
        ("create", "repository", "r", "missing in the account"),
        ("delete", "role", "old", "no longer in the project"),
        ("update", "image", "i", ""),
    ]


def test_an_agent_whose_name_begins_alike_hides_nothing() -> None:
    """Only a permission is called after something and more."""
    other = change(Action.UPDATE, "role", f"{ROLE}-two", "tags")
    assert shown(merged(RECORDED, Plan((other,))))[3][2] == f"{ROLE}-two"


def test_without_infrastructure_in_the_record_drift_comes_first() -> None:
    """As where everything is pushed again."""
    images = Plan((change(Action.UPDATE, "image", "i"),))
    found = merged(images, Plan((change(Action.CREATE, "repository", "r"),)))
    assert [kind for _, kind, _, _ in shown(found)] == ["repository", "image"]
