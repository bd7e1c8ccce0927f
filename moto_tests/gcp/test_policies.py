"""What an IAM policy is read and written like, and what it may not say (https://cloud.google.com/iam/docs/policies)."""

from collections.abc import Callable
from typing import Any

import pytest
from google.api_core import exceptions
from google.iam.v1 import policy_pb2

from moto_tests.gcp.granting import NUMBER, PROJECT, Granting, binding, member

ACCESSOR = "roles/secretmanager.secretAccessor"
JANE = "user:jane@example.com"
SECRET_A = f'resource.name == "{NUMBER}/secrets/a"'


def policy(*bindings: Any, version: int = 3) -> Any:
    return policy_pb2.Policy(version=version, bindings=bindings)


def test_a_stale_etag_is_a_lost_race(granting: Granting) -> None:
    """ABORTED: read again, change, write again (https://cloud.google.com/iam/docs/policies#etag)."""
    stale = granting.policy()
    granting.grant(binding(ACCESSOR, JANE))
    stale.bindings.append(binding("roles/viewer", JANE))
    with pytest.raises(exceptions.Aborted):
        granting.put(stale)
    assert [b.role for b in granting.policy().bindings] == [ACCESSOR]


def test_a_reader_below_version_3_does_not_see_conditions(granting: Granting) -> None:
    """It sees a role that there is not (https://cloud.google.com/iam/docs/troubleshoot-withcond)."""
    granting.grant(binding(ACCESSOR, JANE, expression=SECRET_A))
    (seen,) = granting.policy(version=1).bindings
    assert seen.role.startswith(f"{ACCESSOR}_withcond_")
    assert not seen.condition.expression


def test_what_was_read_below_version_3_cannot_be_written(granting: Granting) -> None:
    """Neither with the role that there is not, nor with version 1 over a policy with conditions."""
    granting.grant(binding(ACCESSOR, JANE, expression=SECRET_A))
    read = granting.policy(version=1)
    with pytest.raises(exceptions.InvalidArgument):
        granting.put(read)
    read.version = 3
    with pytest.raises(exceptions.InvalidArgument, match="withcond"):
        granting.put(read)


def test_a_write_without_etag_drops_conditions(granting: Granting) -> None:
    """As Google warns: without an etag, version 1 overwrites version 3 (https://cloud.google.com/iam/docs/policies)."""
    granting.grant(binding(ACCESSOR, JANE, expression=SECRET_A))
    granting.put(policy(binding(ACCESSOR, JANE), version=1))
    (left,) = granting.policy().bindings
    assert not left.condition.expression


@pytest.mark.parametrize("version", [0, 1])
def test_conditions_are_written_with_version_3(granting: Granting, version: int) -> None:
    """https://cloud.google.com/iam/docs/policies#versions"""
    with pytest.raises(exceptions.InvalidArgument, match="version 3"):
        granting.put(policy(binding(ACCESSOR, JANE, expression=SECRET_A), version=version))


@pytest.mark.parametrize(
    "bad",
    [
        binding("roles/viewer", JANE, expression=SECRET_A),
        binding(ACCESSOR, "allUsers", expression=SECRET_A),
        binding(ACCESSOR, "allAuthenticatedUsers", expression=SECRET_A),
        binding(ACCESSOR, JANE, expression="resource.name.matches('x')"),
        binding(ACCESSOR, JANE, expression=" || ".join([SECRET_A] * 14)),
        binding("roles/secretmanager.everything", JANE),
        binding(f"{PROJECT}/roles/nothing", JANE),
        binding(ACCESSOR, "jane@example.com"),
        binding(ACCESSOR, "serviceAccount:nobody@al-sandbox.iam.gserviceaccount.com"),
    ],
    ids=str,
)
def test_a_policy_may_not_say(granting: Granting, bad: Any) -> None:
    """Conditions on basic roles and for everybody, unknown functions, more than 12 operators, roles and members that there
    are not (https://cloud.google.com/iam/quotas, https://cloud.google.com/iam/docs/conditions-overview)."""
    with pytest.raises(exceptions.InvalidArgument):
        granting.put(policy(bad))
    assert list(granting.policy().bindings) == []


def test_a_condition_has_a_title(granting: Granting) -> None:
    """1 to 100 characters."""
    bad = binding(ACCESSOR, JANE, expression=SECRET_A)
    bad.condition.title = ""
    with pytest.raises(exceptions.InvalidArgument, match="title"):
        granting.put(policy(bad))


def conditional(number: int) -> list[Any]:
    return [
        binding(ACCESSOR, JANE, expression=f'resource.name == "{NUMBER}/secrets/a{n}"')
        for n in range(number)
    ]


def test_a_member_has_a_role_under_20_conditions_at_most(granting: Granting) -> None:
    """So there is no binding for each secret (https://cloud.google.com/iam/quotas#limits)."""
    granting.put(policy(*conditional(20)))
    with pytest.raises(exceptions.InvalidArgument, match="20 bindings"):
        granting.put(policy(*conditional(21)))


@pytest.mark.parametrize(("kind", "most"), [("user", 1_500), ("group", 250)])
def test_a_policy_has_so_many_principals_at_most(granting: Granting, kind: str, most: int) -> None:
    """1,500 in all and 250 groups (https://cloud.google.com/iam/quotas#limits)."""
    members = [f"{kind}:a{n}@example.com" for n in range(most + 1)]
    granting.put(policy(binding("roles/viewer", *members[:-1])))
    with pytest.raises(exceptions.InvalidArgument):
        granting.put(policy(binding("roles/viewer", *members)))


def test_a_policy_has_64_kb_at_most(granting: Granting) -> None:
    """Long before it has too many principals."""
    members = [f"user:{n:060d}@example.com" for n in range(1_000)]
    with pytest.raises(exceptions.InvalidArgument, match="65536 bytes"):
        granting.put(policy(binding("roles/viewer", *members)))


def test_a_fresh_account_is_not_seen_by_policies_yet(
    granting: Granting, manners: Callable[..., None]
) -> None:
    """INVALID_ARGUMENT, of a secret's policy too, although it was created
    (https://cloud.google.com/iam/docs/service-accounts-create#creating)."""
    granting.secret("a")
    manners(fresh_account_calls=2)
    email = granting.account().email
    wanted = binding(ACCESSOR, member(email))
    with pytest.raises(exceptions.InvalidArgument, match=f"Service account {email} does not exist"):
        granting.grant(wanted)
    with pytest.raises(exceptions.InvalidArgument, match="does not exist"):
        granting.grant(wanted, resource=f"{PROJECT}/secrets/a", where=granting.secrets)
    granting.grant(wanted)
    assert [b.role for b in granting.policy().bindings] == [ACCESSOR]


def test_members_that_are_no_more_may_stay(granting: Granting) -> None:
    """As they are read, so they are written (https://cloud.google.com/iam/docs/principal-identifiers)."""
    gone = "deleted:serviceAccount:old@al-sandbox.iam.gserviceaccount.com?uid=100000000000000000001"
    granting.put(policy(binding(ACCESSOR, gone)))
    assert granting.policy().bindings[0].members == [gone]


def test_a_missing_resource_has_no_policy(granting: Granting) -> None:
    """NOT_FOUND, for the operator, who may know."""
    for call in (
        granting.policy,
        lambda resource, where: granting.put(policy(), resource, where=where),
    ):
        with pytest.raises(exceptions.NotFound):
            call(f"{PROJECT}/secrets/missing", where=granting.secrets)
