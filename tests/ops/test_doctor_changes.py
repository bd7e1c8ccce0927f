"""A change is shown in a few lines: what differs, and of a policy the statements that come and go."""

from typing import Any

from toolkit.core.plan import Action, Change, Item, Plan
from toolkit.ops.doctor.changes import LONGEST, details, to_dict

READ = {"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": "arn:aws:s3:::a/*"}
WRITE = {"Effect": "Allow", "Action": "s3:PutObject", "Resource": ["arn:aws:s3:::a/*"]}


def a_role(tags: dict[str, str] | None = None, **attributes: Any) -> Item:
    return Item(kind="role", name="r", attributes=attributes, tags=tags or {})


def an_update(before: Item, after: Item) -> Change:
    return Change(action=Action.UPDATE, item=after, before=before, reason="policy")


def a_policy(*statements: Any) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def test_of_a_policy_the_statements_that_differ_are_shown() -> None:
    """What goes with a minus, what comes with a plus, and what stays not at all."""
    change = an_update(a_role(policy=a_policy(READ, WRITE)), a_role(policy=a_policy(READ)))
    assert details(change) == ("policy: - Allow s3:PutObject on arn:aws:s3:::a/*",)
    back = an_update(a_role(policy=a_policy(READ)), a_role(policy=a_policy(READ, WRITE)))
    assert details(back) == ("policy: + Allow s3:PutObject on arn:aws:s3:::a/*",)


def test_a_statement_that_was_changed_shows_what_differs_in_it() -> None:
    """By its Sid, so that a long condition that stayed is not read twice."""
    new = {**READ, "Sid": "Reading", "Condition": {"Bool": {"aws:SecureTransport": "true"}}}
    old = {**new, "Resource": "*"}
    change = an_update(a_role(policy=a_policy(old, WRITE)), a_role(policy=a_policy(new, WRITE)))
    assert details(change) == ("policy: Reading: Resource: * → arn:aws:s3:::a/*",)


def test_a_trust_policy_shows_its_principal_and_conditions() -> None:
    """Who may act as the role is what matters of it."""
    old = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    new = {**old, "Principal": {"Service": "lambda.amazonaws.com"}, "Condition": {"Bool": {"x": 1}}}
    change = an_update(a_role(trust=a_policy(old)), a_role(trust=a_policy(new)))
    assert details(change) == (
        'trust: - Allow {"AWS": "*"} sts:AssumeRole',
        'trust: + Allow {"Service": "lambda.amazonaws.com"} sts:AssumeRole if {"Bool": {"x": 1}}',
    )


def test_a_policy_that_is_missing_shows_all_that_comes() -> None:
    """Before there was none."""
    change = an_update(a_role(policy=None), a_role(policy=a_policy(READ)))
    assert details(change) == ("policy: + Allow s3:GetObject on arn:aws:s3:::a/*",)


def test_plain_attributes_and_tags_show_both_values() -> None:
    """The boundary, and each tag that differs."""
    change = an_update(
        a_role({"al:project": "other"}, boundary="arn:x", attached=("arn:aws:iam::aws:policy/A",)),
        a_role({"al:project": "shop"}, boundary=None, attached=()),
    )
    assert details(change) == (
        'attached: ["arn:aws:iam::aws:policy/A"] → none',
        "boundary: arn:x → none",
        "tag al:project: other → shop",
    )


def test_no_line_and_no_list_grows_without_end() -> None:
    """A screen is enough for a few roles; the whole is in --json."""
    many = [{**READ, "Resource": f"arn:aws:s3:::{'x' * 300}{n}"} for n in range(40)]
    shown = details(an_update(a_role(policy=a_policy(*many)), a_role(policy=a_policy())))
    assert len(shown) == 9
    assert shown[-1] == "… and 32 more"
    assert max(map(len, shown)) <= LONGEST


def test_what_is_made_or_removed_needs_no_details() -> None:
    """Its line says it."""
    role = a_role(policy=a_policy(READ))
    assert details(Change(action=Action.CREATE, item=role)) == ()
    assert details(Change(action=Action.DELETE, item=role, before=role)) == ()


def test_json_has_the_whole_before_and_after() -> None:
    """For a program that decides by itself."""
    before, after = a_role({"a": "1"}, policy=a_policy(READ)), a_role(policy=a_policy(WRITE))
    gone = Change(action=Action.DELETE, item=before, before=before)
    updated, removed = to_dict(Plan((an_update(before, after), gone)))
    assert updated["before"] == {"policy": a_policy(READ), "tags": {"a": "1"}}
    assert updated["after"] == {"policy": a_policy(WRITE), "tags": {}}
    assert (removed["action"], removed["after"]) == ("delete", None)
