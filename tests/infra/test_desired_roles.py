"""Roles that the user bounds, or brings."""

from dataclasses import replace
from typing import Any

import pytest

from tests.infra.scenes import CLOUD, environment, items, names
from toolkit.core.environment import AwsCloud

BOUNDARY = "arn:aws:iam::123456789012:policy/edge"
GATEWAY = "al-shop-production--gateway-lambda-role"
ALL = [
    GATEWAY,
    "al-shop-production-dev-lambda-role",
    "al-shop-production-long-execution-role",
    "al-shop-production-long-task-role",
]


def wanted(**changes: Any) -> Any:
    return items(environment(cloud=replace(CLOUD, **changes)))


def test_every_role_has_the_boundary_that_the_environment_names() -> None:
    """The gateway's, too: whoever may only make bounded roles can push."""
    roles = [i for i in wanted(permission_boundary=BOUNDARY) if i.kind == "role"]
    assert [role.name for role in roles] == ALL
    assert {role.attributes["boundary"] for role in roles} == {BOUNDARY}


def test_without_one_the_boundary_is_none() -> None:
    """Said, not left out: one that somebody put there is taken away."""
    assert {i.attributes["boundary"] for i in items() if i.kind == "role"} == {None}


def test_roles_that_the_environment_brings_are_not_made() -> None:
    """An environment may name its own roles and cluster."""
    found = wanted(task_role="t", execution_role="e", lambda_role="l", cluster="c")
    assert names(found, "role") == [GATEWAY]
    assert names(found, "cluster") == []


@pytest.mark.parametrize(
    ("brought", "left"),
    [
        (("dev", "lambda"), "al-shop-production-dev-lambda-role"),
        (("long", "task"), "al-shop-production-long-task-role"),
        (("long", "execution"), "al-shop-production-long-execution-role"),
    ],
)
def test_a_role_that_is_brought_for_one_agent_and_purpose_is_not_made(
    brought: tuple[str, str], left: str
) -> None:
    """All others are."""
    found = names(wanted(agent_roles=((*brought, "mine"),)), "role")
    assert found == [name for name in ALL if name != left]


def test_a_role_for_one_agent_wins_over_the_environment_s() -> None:
    """The nearer word counts."""
    cloud = AwsCloud(
        region="r", account="1", task_role="all", agent_roles=(("dev", "task", "one"),)
    )
    assert cloud.brought_role("dev", "task") == "one"
    assert cloud.brought_role("long", "task") == "all"
    assert cloud.brought_role("long", "lambda") is None
