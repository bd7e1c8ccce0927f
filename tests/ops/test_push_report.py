"""What a push says of itself, done or failed."""

from toolkit.core.errors import AlError
from toolkit.core.plan import Action, Change, Item, Plan
from toolkit.ops.push.report import Report, error_to_dict

NAMES = ("a", "b", "c", "d", "e")
PLAN = Plan(
    (
        Change(action=Action.CREATE, item=Item(kind="table", name="t")),
        *(Change(action=Action.UPDATE, item=Item(kind="role", name=name)) for name in NAMES),
    )
)


def test_a_report_says_what_was_done_and_what_was_not() -> None:
    """By kind; of many only some by name."""
    report = Report(plan=PLAN)
    report.mark("table", "t")
    assert report.told() == ("done: table t", "not done: role a, b, c and 2 more")


def test_a_failed_report_has_its_error_beside_the_rest() -> None:
    """For whoever reads JSON: message and hint as on stderr, and every change on one side or the other."""
    report = Report(plan=PLAN)
    report.mark("role", "a")
    answer = report.to_dict(AlError("it fell", hint="lift it"))
    assert answer["error"] == {"message": "it fell", "hint": "lift it"}
    assert [change["name"] for change in answer["done"]] == ["a"]
    assert [change["name"] for change in answer["not_done"]] == ["t", "b", "c", "d", "e"]


def test_what_is_unexpected_is_named_and_not_quoted() -> None:
    """Its text was written for nobody, and may hold anything."""
    assert error_to_dict(ValueError("hunter2"))["message"] == "unexpected ValueError"
    assert error_to_dict(KeyboardInterrupt())["message"] == "interrupted"


def test_a_whole_report_has_no_error() -> None:
    """The key is there all the same, so that nobody has to guess."""
    report = Report(plan=PLAN)
    for change in PLAN.changes:
        report.mark(*change.item.key)
    answer = report.to_dict()
    assert (answer["error"], answer["not_done"], answer["changes"]) == (None, [], 6)
