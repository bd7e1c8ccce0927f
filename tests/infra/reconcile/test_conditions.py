"""The operators of conditions, by AWS's tables: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html.

True: it holds; False: it does not; None: it cannot be said, which grants nothing and denies.
"""

from typing import Any

import pytest

from infra.reconcile.conditions import facts, hold

KEYS = {
    "aws:color": ["red"],
    "AWS:Many": ["a", "b"],
    "aws:secure": ["true"],
    "aws:size": ["9"],
    "aws:when": ["2026-11-20T12:00:00Z"],
    "aws:ip": ["10.1.2.3"],
    "aws:arn": ["arn:aws:lambda:r:1:function:f:2"],
    "aws:none": [],
}


def verdict(condition: dict[str, Any]) -> bool | None:
    return hold(condition, facts(KEYS))


STRINGS = [
    ({"StringEquals": {"AWS:Color": "red"}}, True),
    ({"StringEquals": {"aws:color": ["blue", "red"]}}, True),
    ({"StringEquals": {"aws:color": "Red"}}, False),
    ({"StringEquals": {"aws:color": "r*"}}, False),
    ({"StringEqualsIgnoreCase": {"aws:color": "RED"}}, True),
    ({"StringNotEquals": {"aws:color": "red"}}, False),
    ({"StringNotEquals": {"aws:color": ["blue", "red"]}}, False),
    ({"StringNotEquals": {"aws:color": ["blue", "green"]}}, True),
    ({"StringNotEqualsIgnoreCase": {"aws:color": "RED"}}, False),
    ({"StringLike": {"aws:color": "r?*"}}, True),
    ({"StringLike": {"aws:color": "R*"}}, False),
    ({"StringNotLike": {"aws:color": "r*"}}, False),
    ({"StringLike": {"aws:color": "red"}, "StringEquals": {"aws:color": "blue"}}, False),
    ({"StringEquals": {"aws:color": "red", "aws:secure": "false"}}, False),
]
NUMBERS_AND_DATES = [
    ({"NumericEquals": {"aws:size": "9.0"}}, True),
    ({"NumericNotEquals": {"aws:size": ["9", "8"]}}, False),
    ({"NumericLessThan": {"aws:size": 10}}, True),
    ({"NumericLessThan": {"aws:size": "9"}}, False),
    ({"NumericLessThanEquals": {"aws:size": "9"}}, True),
    ({"NumericGreaterThan": {"aws:size": "10"}}, False),
    ({"NumericGreaterThanEquals": {"aws:size": "9"}}, True),
    ({"NumericEquals": {"aws:color": "9"}}, None),
    ({"NumericNotEquals": {"aws:color": "9"}}, None),
    ({"DateEquals": {"aws:when": "2026-11-20T13:00:00+01:00"}}, True),
    ({"DateNotEquals": {"aws:when": "2026-11-20"}}, True),
    ({"DateLessThan": {"aws:when": "2026-11-20T12:00:00.5Z"}}, True),
    ({"DateLessThan": {"aws:when": "2026-11-20T9:00"}}, None),
    ({"DateLessThanEquals": {"aws:when": "2026-11-20T12:00:00Z"}}, True),
    ({"DateGreaterThan": {"aws:when": "1000000000"}}, True),
    ({"DateGreaterThanEquals": {"aws:when": "2027-01-01"}}, False),
    ({"DateGreaterThan": {"aws:color": "2026-01-01"}}, None),
]
OTHERS = [
    ({"Bool": {"aws:secure": True}}, True),
    ({"Bool": {"aws:secure": ["false"]}}, False),
    ({"Bool": {"aws:color": "true"}}, None),
    ({"IpAddress": {"aws:ip": "10.0.0.0/8"}}, True),
    ({"IpAddress": {"aws:ip": ["11.0.0.0/8", "10.1.2.3"]}}, True),
    ({"NotIpAddress": {"aws:ip": "10.0.0.0/8"}}, False),
    ({"NotIpAddress": {"aws:ip": "2001:db8::/32"}}, True),
    ({"NotIpAddress": {"aws:color": "10.0.0.0/8"}}, None),
    ({"ArnLike": {"aws:arn": "arn:aws:lambda:*:1:function:f*"}}, True),
    ({"ArnEquals": {"aws:arn": "arn:aws:lambda:r:*:function:f:?"}}, True),
    ({"ArnLike": {"aws:arn": "arn:aws:*:function:f:2"}}, False),
    ({"ArnNotLike": {"aws:arn": "arn:aws:lambda:*:2:*"}}, True),
    ({"ArnLike": {"aws:color": "arn:*:*:*:*:*"}}, None),
    ({"BinaryEquals": {"aws:color": "cmVk"}}, None),
    ({"NumericNotLessThan": {"aws:size": "1"}}, None),
    ({"StringSounds": {"aws:color": "red"}}, None),
    ({"SomeValues:StringEquals": {"aws:color": "red"}}, None),
]
ABSENT = [
    ({"StringEquals": {"aws:absent": "red"}}, False),
    ({"StringNotEquals": {"aws:absent": "red"}}, True),
    ({"NotIpAddress": {"aws:absent": "10.0.0.0/8"}}, True),
    ({"StringEqualsIfExists": {"aws:absent": "red"}}, True),
    ({"StringEqualsIfExists": {"aws:color": "blue"}}, False),
    ({"NumericLessThanIfExists": {"aws:none": "1"}}, True),
    ({"Null": {"aws:absent": "true"}}, True),
    ({"Null": {"aws:none": "true"}}, True),
    ({"Null": {"aws:color": True}}, False),
    ({"Null": {"aws:color": "false"}}, True),
    ({"Null": {"aws:color": "perhaps"}}, None),
    ({"NullIfExists": {"aws:color": "false"}}, None),
]
SEVERAL = [
    ({"ForAllValues:StringEquals": {"aws:many": ["a", "b", "c"]}}, True),
    ({"ForAllValues:StringEquals": {"aws:many": ["a"]}}, False),
    ({"ForAllValues:StringEquals": {"aws:absent": ["a"]}}, True),
    ({"ForAllValues:StringNotEquals": {"aws:many": ["a"]}}, False),
    ({"ForAnyValue:StringEquals": {"aws:many": ["a"]}}, True),
    ({"ForAnyValue:StringEquals": {"aws:absent": ["a"]}}, False),
    ({"ForAnyValue:StringNotEquals": {"aws:absent": ["a"]}}, False),
    ({"ForAnyValue:StringNotEquals": {"aws:many": ["a"]}}, True),
    ({"ForAnyValue:StringEqualsIfExists": {"aws:absent": ["a"]}}, None),
    ({"StringEquals": {"aws:many": "a"}}, None),
    ({"StringNotEquals": {"aws:many": "c"}}, True),
]


@pytest.mark.parametrize(("condition", "expected"), STRINGS)
def test_strings_have_case_and_wildcards_only_where_they_are_like(
    condition: dict[str, Any], expected: bool | None
) -> None:
    """Several values are any of them, and for a negated operator none of them; all operators and keys must hold
    (.../reference_policies_elements_condition_operators.html#Conditions_String)."""
    assert verdict(condition) is expected


@pytest.mark.parametrize(("condition", "expected"), NUMBERS_AND_DATES)
def test_numbers_and_dates_are_compared_as_such(
    condition: dict[str, Any], expected: bool | None
) -> None:
    """Dates are moments, in ISO 8601 or seconds since 1970, not texts; what is neither cannot be said
    (.../reference_policies_elements_condition_operators.html#Conditions_Numeric, #Conditions_Date)."""
    assert verdict(condition) is expected


@pytest.mark.parametrize(("condition", "expected"), OTHERS)
def test_the_other_kinds(condition: dict[str, Any], expected: bool | None) -> None:
    """ARNs part by part, addresses by network; an operator that IAM does not have decides nothing
    (.../reference_policies_elements_condition_operators.html#Conditions_ARN, #Conditions_IPAddress)."""
    assert verdict(condition) is expected


@pytest.mark.parametrize(("condition", "expected"), ABSENT)
def test_what_an_absent_key_means(condition: dict[str, Any], expected: bool | None) -> None:
    """No, but yes to a negated operator and to IfExists; a key without a value is absent, too
    (.../reference_policies_elements_condition_operators.html#Conditions_IfExists, #Conditions_Null)."""
    assert verdict(condition) is expected


@pytest.mark.parametrize(("condition", "expected"), SEVERAL)
def test_several_values_need_a_quantifier(condition: dict[str, Any], expected: bool | None) -> None:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html."""
    assert verdict(condition) is expected


@pytest.mark.parametrize(
    "condition",
    [
        {"StringEquals": {"aws:absent": "red"}},
        {"StringNotEquals": {"aws:absent": "red"}},
        {"StringEqualsIfExists": {"aws:absent": "red"}},
        {"ForAllValues:StringEquals": {"aws:absent": ["a"]}},
        {"Null": {"aws:absent": "true"}},
    ],
)
def test_in_an_open_world_a_key_that_is_not_listed_may_have_any_value(
    condition: dict[str, Any],
) -> None:
    """Nothing can be said of it, unless it is known to be absent."""
    assert hold(condition, facts(KEYS, open_world=True)) is None
    known = facts({**KEYS, "aws:absent": []}, open_world=True)
    assert hold(condition, known) is verdict(condition)
