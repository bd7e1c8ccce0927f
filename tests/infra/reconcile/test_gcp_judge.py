"""What an identity may do on Google Cloud, decided from its roles and their conditions."""

import pytest

from infra.reconcile.gcp_judge import Ask, Grant, certain, possible

SECRET = "secretmanager.googleapis.com/Secret"
READ, DELETE = "secretmanager.versions.access", "secretmanager.secrets.delete"
OWN, OTHERS = "projects/42/secrets/runs--dev--", "projects/42/secrets/runs--ops--"


def ask(name: str, permission: str = READ, *, prefix: bool = True) -> Ask:
    return Ask(permission=permission, name=name, type=SECRET, prefix=prefix)


def grant(expression: str = "", *permissions: str) -> Grant:
    return Grant(role="r", permissions=frozenset(permissions or (READ,)), expression=expression)


def starts(name: str) -> str:
    return f'resource.name.startsWith("{name}")'


@pytest.mark.parametrize(
    ("expression", "may", "always"),
    [
        ("", True, True),
        ("false", False, False),
        (starts(OTHERS), True, True),
        (starts(OWN), False, False),
        (starts("projects/42/secrets/"), True, True),
        (starts(f"{OTHERS}1"), True, False),
        (f'resource.name == "{OTHERS}7"', True, False),
        (f'resource.name != "{OTHERS}7"', True, False),
        (f"!({starts(OTHERS)})", False, False),
        (f"{starts(OWN)} || {starts(OTHERS)}", True, True),
        (f"{starts(OWN)} && {starts(OTHERS)}", False, False),
        ('resource.name.endsWith("-admin")', True, False),
        (f'{starts(f"{OTHERS}a")} && resource.name.endsWith("z")', True, False),
        ('resource.type == "run.googleapis.com/Job"', False, False),
        (f'resource.type == "{SECRET}"', True, True),
        ("request.time < timestamp('2030-01-01T00:00:00Z')", True, False),
    ],
)
def test_a_condition_is_decided_for_every_name_that_begins_so(
    expression: str, may: bool, always: bool
) -> None:
    """Whether one of them may be touched, and whether all may; what is not understood is never in our favour."""
    assert (possible([grant(expression)], ask(OTHERS)) is not None) is may
    assert certain([grant(expression)], ask(OTHERS)) is always


def test_one_name_is_asked_about_alone() -> None:
    """Without `prefix` nothing that is longer counts."""
    longer = [grant(starts(f"{OTHERS}1"))]
    assert possible(longer, ask(OTHERS, prefix=False)) is None


def test_only_a_role_with_the_permission_counts() -> None:
    """Whatever its condition."""
    assert possible([grant("", DELETE)], ask(OTHERS)) is None
    assert not certain([grant("", DELETE)], ask(OTHERS))


def test_the_grant_that_allows_it_is_the_answer() -> None:
    """So that a person can find it."""
    wide = Grant(role="roles/editor", permissions=frozenset((READ,)))
    assert possible([grant(starts(OWN)), wide], ask(OTHERS)) is wide
