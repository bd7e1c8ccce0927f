"""The part of the Common Expression Language that the embedded cloud's conditions are written in."""

import pytest

from infra.desired.gcp_conditions import Malformed, Resource, holds, parsed

SECRET = Resource(
    name="projects/42/secrets/run--dev--1",
    type="secretmanager.googleapis.com/Secret",
    service="secretmanager.googleapis.com",
)


@pytest.mark.parametrize(
    ("expression", "met"),
    [
        ("", True),
        ("true", True),
        ("false || true && false", False),
        ('resource.name == "projects/42/secrets/run--dev--1"', True),
        ("resource.name == 'projects/42/secrets/run--dev--1'", True),
        ('resource.name != "projects/42/secrets/run--dev--1"', False),
        ('resource.name.startsWith("projects/42/secrets/run--dev--")', True),
        ('resource.name.startsWith("projects/42/secrets/run--dev-2--")', False),
        ('resource.name.endsWith("--1")', True),
        ('resource.type == "secretmanager.googleapis.com/Secret"', True),
        ('!(resource.service == "secretmanager.googleapis.com")', False),
        ('resource.service == "a" || resource.name.endsWith("1")', True),
        ('resource.name.endsWith("1") && resource.service == "a"', False),
        ('resource.name.endsWith("2") || resource.name.endsWith("1") && true', True),
        ('resource.name == "a \\"quoted\\" && name"', False),
    ],
)
def test_a_condition_is_met(expression: str, met: bool) -> None:
    """`&&` binds closer than `||`, `!` closest (https://github.com/google/cel-spec/blob/master/doc/langdef.md)."""
    assert holds(expression, SECRET) is met


@pytest.mark.parametrize(
    "expression",
    [
        "resource.name",
        "resource.name ==",
        'resource.name = "a"',
        'resource.name.matches("a")',
        'request.time < timestamp("2030-01-01T00:00:00Z")',
        'resource.name == "a" resource.name == "b"',
        '(resource.name == "a"',
        'resource.name == "a" &',
        "resource.name == name",
        'resource.name.startsWith("a"',
        " || ".join(["true"] * 14),
    ],
)
def test_what_is_not_understood_is_refused(expression: str) -> None:
    """Never taken for met or unmet."""
    with pytest.raises(Malformed):
        parsed(expression)
