"""What the services refuse is refused before anything is sent."""

import pytest

from infra.desired import limits
from infra.desired.policy import trust
from toolkit.core.aws_limits import RETENTION_DAYS, retention
from toolkit.core.errors import Conflict, LimitExceeded
from toolkit.core.plan import Item


def item(kind: str, name: str, **more: object) -> Item:
    return Item(kind=kind, name=name, **more)  # type: ignore[arg-type]  # fields of Item by name


def role(name: str, policy: object = None) -> Item:
    return item("role", name, attributes={"trust": trust("lambda", "1"), "policy": policy or {}})


@pytest.mark.parametrize(
    ("wanted", "kept"), [(1, 1), (2, 3), (30, 30), (31, 60), (45, 60), (3653, 3653), (9999, 3653)]
)
def test_retention_is_rounded_up_to_what_there_is(wanted: int, kept: int) -> None:
    """CloudWatch Logs takes 22 numbers of days and refuses 45
    (https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html)."""
    assert retention(wanted) == kept


@pytest.mark.parametrize("days", RETENTION_DAYS)
def test_an_allowed_retention_stays(days: int) -> None:
    """Rounding changes nothing that the service takes."""
    assert retention(days) == days


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("repository", "al-Shop-production-dev"),  # capitals
        ("repository", "1al"),  # the first must be a letter
        ("repository", "al-shop--production"),  # a double hyphen
        ("repository", "al-shop-"),
        ("log_group", "/ecs/al shop"),
        ("log_group", "aws/lambda/x"),
        ("log_group", "/ecs/a:b"),
        ("function", "al.shop"),
        ("function", "a" * 65),
        ("cluster", "a" * 256),
        ("secret", "action-llama/a b"),
        ("secret", "action-llama/prod/my-github"),  # a hyphen and six characters
        ("secret", "a" * 257),
    ],
)
def test_a_name_that_the_service_refuses_is_refused_here(kind: str, name: str) -> None:
    """Each rule has its page beside it in limits.RULES."""
    with pytest.raises(LimitExceeded, match=r"https://docs\.aws\.amazon\.com/"):
        limits.check([item(kind, name)])


@pytest.mark.parametrize("name", ["al/shop/dev", "al:shop", "a b", "a" * 65, ""])
def test_a_role_name_has_up_to_64_word_characters(name: str) -> None:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html"""
    with pytest.raises(LimitExceeded):
        limits.check([role(name)])


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("repository", "al-shop-production/gateway"),
        ("log_group", "/aws/lambda/al-shop-production--gateway"),
        ("function", "a" * 64),
        ("cluster", "a" * 255),
        ("secret", "action-llama/shop/production/github_token/default/token"),
    ],
)
def test_a_name_at_the_limit_passes(kind: str, name: str) -> None:
    """No rule is narrower than the service's."""
    limits.check([item(kind, name)])


def test_role_names_that_differ_in_case_only_are_one_name() -> None:
    """IAM's names are unique without regard to case
    (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html)."""
    with pytest.raises(Conflict, match="al-Dev"):
        limits.check([role("al-dev"), role("al-Dev")])


@pytest.mark.parametrize(
    "tags", [{"k" * 129: "v"}, {"k": "v" * 257}, {f"k{n}": "v" for n in range(51)}]
)
def test_tags_that_aws_refuses_are_refused_here(tags: dict[str, str]) -> None:
    """50 tags, keys of 128 and values of 256 characters
    (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html)."""
    with pytest.raises(LimitExceeded, match="tags"):
        limits.check([item("cluster", "al", tags=tags)])


def test_a_role_whose_policy_is_too_long_is_refused() -> None:
    """The sum of a role's inline policies is 10,240 characters (same page)."""
    with pytest.raises(LimitExceeded, match="10240"):
        limits.check([role("al-dev", {"Statement": "x" * 10_241})])


def test_a_trust_policy_has_2048_characters() -> None:
    """The default quota of a trust policy (same page)."""
    long = item("role", "al-dev", attributes={"trust": {"a": "x" * 2_048}, "policy": {}})
    with pytest.raises(LimitExceeded, match="2048"):
        limits.check([long])
