"""What EventBridge refuses of rules and their targets, and moto accepts."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from .refused import accepted, code

Client = Callable[..., Any]
NAME = "tests-refusals"
TARGET = "arn:aws:lambda:us-east-1:123456789012:function:tests"


@pytest.fixture
def rule(client: Client) -> Iterator[str]:
    """One that never fires, removed with its targets after the test."""
    events = client("events")
    events.put_rule(Name=NAME, ScheduleExpression="rate(999 days)")
    yield NAME
    there = events.list_targets_by_rule(Rule=NAME)["Targets"]
    if there:
        events.remove_targets(Rule=NAME, Ids=[target["Id"] for target in there])
    events.delete_rule(Name=NAME)


@pytest.mark.parametrize(
    "expression", ["rate(1 minutes)", "rate(5 minute)", "rate(0 minutes)", "rate(30 seconds)"]
)
def test_a_rate_is_one_minute_or_several_minutes(
    client: Client, rule: str, expression: str
) -> None:
    """Positive, and in the right number; there are no seconds
    (https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rate-expressions.html)."""
    put = client("events").put_rule
    assert code(put, Name=rule, ScheduleExpression=expression) == "ValidationException"


@pytest.mark.parametrize("rate", ["1 minute", "15 minutes", "1 hour", "10 days"])
def test_a_rate_in_the_right_number_is_taken(client: Client, rule: str, rate: str) -> None:
    """https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rate-expressions.html"""
    put = client("events").put_rule
    assert accepted(put, Name=rule, ScheduleExpression=f"rate({rate})", State="DISABLED")


@pytest.mark.parametrize("cron", ["* * * * *", "0 0 * * * *", "0 0 ? * ? *", ""])
def test_a_cron_of_a_rule_has_six_fields_and_one_question_mark(
    client: Client, rule: str, cron: str
) -> None:
    """In one of the two days (https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-cron-expressions.html)."""
    put = client("events").put_rule
    assert code(put, Name=rule, ScheduleExpression=f"cron({cron})") == "ValidationException"
    assert accepted(put, Name=rule, ScheduleExpression="cron(0 0 ? * 2 *)", State="DISABLED")


@pytest.mark.parametrize("name", ["x" * 65, "a b", "a/b"])
def test_a_rules_name(client: Client, name: str) -> None:
    """1-64 of letters, digits and . - _ (EventBridge API reference, PutRule)."""
    put = client("events").put_rule
    assert code(put, Name=name, ScheduleExpression="rate(1 day)") == "ValidationException"


def test_a_rule_has_five_targets(client: Client, rule: str) -> None:
    """Those that are there already count
    (https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html)."""
    put = client("events").put_targets
    for number in range(5):
        assert accepted(put, Rule=rule, Targets=[{"Id": str(number), "Arn": TARGET}])
    again, sixth = ([{"Id": name, "Arn": TARGET}] for name in ("4", "5"))
    assert accepted(put, Rule=rule, Targets=again)
    assert code(put, Rule=rule, Targets=sixth) == "LimitExceededException"
