"""IAM against the desired state: every attribute that we own is compared, named and repaired; nothing else is touched."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from infra.reconcile.aws import AwsReconciler
from moto_tests.answers import answer, refusal
from moto_tests.deployed import Count, items, roles, writes
from moto_tests.given import with_cloud
from moto_tests.identities import (
    BREAKS,
    DEV,
    LETS_STRANGER_IN,
    boundary,
    iam_of,
    make_foreign,
    planned,
    reconcile,
    statement,
    wipe,
)
from tests.contracts.reconciler import Account, ReconcilerContract
from toolkit.clouds.aws import clients_for, cloud_of
from toolkit.core.errors import ConfigError, Conflict, NotFound
from toolkit.core.plan import Action, Item, Plan
from toolkit.core.ports import Context, Reconciler


class AwsAccount:
    """Somebody with the console open."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def take(self, name: str) -> None:
        make_foreign(self._context, name)

    def spoil(self, identity: Item) -> None:
        iam_of(self._context).update_assume_role_policy(
            RoleName=identity.name, PolicyDocument=LETS_STRANGER_IN
        )

    def delete(self, identity: Item) -> None:
        wipe(self._context, identity.name)

    def identities(self) -> list[str]:
        return roles(self._context)


class TestAws(ReconcilerContract):
    """IAM's roles."""

    @pytest.fixture
    def reconciler(self, aws_context: Context) -> Reconciler:
        return AwsReconciler(aws_context)

    @pytest.fixture
    def desired(self, aws_context: Context) -> Sequence[Item]:
        return items(aws_context)

    @pytest.fixture
    def account(self, aws_context: Context) -> Account:
        return AwsAccount(aws_context)


@pytest.mark.parametrize("attribute", BREAKS)
def test_drift_in_every_attribute_is_named_and_repaired(
    aws_context: Context, attribute: str
) -> None:
    """The reason says which attribute it is, and that it was the account that changed."""
    wanted = items(aws_context)
    reconcile(aws_context, wanted)
    spoil, words = BREAKS[attribute]
    spoil(iam_of(aws_context), DEV)
    (change,) = planned(aws_context, wanted).changes
    assert (change.action, change.item.name, change.reason) == (Action.UPDATE, DEV, words)
    reconcile(aws_context, wanted)
    assert planned(aws_context, wanted) == Plan()


def test_every_drift_at_once_is_one_change(aws_context: Context) -> None:
    """A role is repaired as a whole."""
    wanted = items(aws_context)
    reconcile(aws_context, wanted)
    for spoil, _ in BREAKS.values():
        spoil(iam_of(aws_context), DEV) if spoil is not BREAKS["policy removed"][0] else None
    (change,) = planned(aws_context, wanted).changes
    named = {part.partition(":")[0] for part in change.reason.split("; ")}
    assert named == {"trust", "policy", "boundary", "inline", "attached", "tags"}
    reconcile(aws_context, wanted)
    assert planned(aws_context, wanted) == Plan()


def test_a_second_run_writes_nothing(aws_context: Context, counted: Count) -> None:
    """And reads with one call for all roles."""
    wanted = items(aws_context)
    reconcile(aws_context, wanted)
    calls = counted(clients_for(cloud_of(aws_context.environment)))
    assert reconcile(aws_context, wanted) == []
    assert writes(calls) == []
    assert calls == ["iam.GetAccountAuthorizationDetails"]


def test_one_attribute_is_one_write(aws_context: Context, counted: Count) -> None:
    """What is as it should be is not written again."""
    wanted = items(aws_context)
    reconcile(aws_context, wanted)
    BREAKS["trust"][0](iam_of(aws_context), DEV)
    calls = counted(clients_for(cloud_of(aws_context.environment)))
    reconcile(aws_context, wanted)
    assert writes(calls) == ["iam.UpdateAssumeRolePolicy"]


def test_a_new_role_has_its_tags_and_boundary_from_the_first_moment(
    aws_context: Context, counted: Count
) -> None:
    """In one call with its making, so that no role of ours is ever untagged or unbounded
    (https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html)."""
    context = with_cloud(aws_context, permission_boundary=boundary(iam_of(aws_context), "edge"))
    calls = counted(clients_for(cloud_of(context.environment)))
    reconcile(context, items(context))
    found = iam_of(context).get_role(RoleName=DEV)["Role"]
    assert found["PermissionsBoundary"]["PermissionsBoundaryArn"].endswith(":policy/edge")
    assert context.names.owns({t["Key"]: t["Value"] for t in found["Tags"]})
    assert set(writes(calls)) == {"iam.CreateRole", "iam.PutRolePolicy"}


def test_a_boundary_follows_the_environments_file(aws_context: Context) -> None:
    """Set, changed and taken away again; each is a change of the project."""
    without = items(aws_context)
    reconcile(aws_context, without)
    edges = [boundary(iam_of(aws_context), name) for name in ("one", "two")]
    bound = [items(with_cloud(aws_context, permission_boundary=e)) for e in edges]
    steps = [
        (bound[0], without, "added"),
        (bound[1], bound[0], "changed"),
        (without, bound[1], "removed"),
    ]
    for wanted, before, word in steps:
        plan = planned(aws_context, wanted, before)
        assert {c.reason for c in plan.changes} == {f"boundary: {word} in the project"}
        reconcile(aws_context, wanted)
        assert planned(aws_context, wanted) == Plan()


def test_a_boundary_that_is_gone_is_a_concern(aws_context: Context) -> None:
    """Also when no role is to be made; whoever may not look is told nothing of it."""
    arn = boundary(iam_of(aws_context), "edge")
    context = with_cloud(aws_context, permission_boundary=arn)
    assert AwsReconciler(context).concerns((), {}) == ()
    iam_of(aws_context).delete_policy(PolicyArn=arn)
    (concern,) = AwsReconciler(context).concerns((), {})
    assert (concern.about, concern.warning) == (arn, False)
    answer(iam_of(context), "GetPolicy", refusal("AccessDenied", "not authorized"))
    assert AwsReconciler(context).concerns((), {}) == ()


def test_a_boundary_that_does_not_exist_is_said(aws_context: Context) -> None:
    """IAM refuses (https://docs.aws.amazon.com/IAM/latest/APIReference/API_PutRolePermissionsBoundary.html); the hint
    names the setting."""
    reconcile(aws_context, items(aws_context))
    bound = with_cloud(aws_context, permission_boundary="arn:aws:iam::123456789012:policy/missing")
    answer(iam_of(bound), "PutRolePermissionsBoundary", *[refusal("NoSuchEntity", "no")] * 3)
    with pytest.raises(NotFound) as caught:
        reconcile(bound, items(bound))
    assert "permissionBoundary" in caught.value.hint


def test_the_users_own_tags_stay(aws_context: Context) -> None:
    """We own what begins with `al:`, and no cost-allocation tag of anybody."""
    wanted = items(aws_context)
    reconcile(aws_context, wanted)
    iam = iam_of(aws_context)
    iam.tag_role(RoleName=DEV, Tags=[{"Key": "team", "Value": "blue"}])
    assert planned(aws_context, wanted) == Plan()
    BREAKS["tag changed"][0](iam, DEV)
    reconcile(aws_context, wanted)
    tags = {t["Key"]: t["Value"] for t in iam.list_role_tags(RoleName=DEV)["Tags"]}
    assert (tags["team"], tags["al:agent"]) == ("blue", "dev")


def test_another_way_of_writing_is_no_drift(aws_context: Context) -> None:
    """IAM stores trust policies in words of its own, and people reorder; what means the same is the same."""
    wanted = items(aws_context)
    reconcile(aws_context, wanted)
    iam, trust = (
        iam_of(aws_context),
        statement(Action=["sts:AssumeRole"], Principal={"Service": ["lambda.amazonaws.com"]}),
    )
    grants = iam.get_role_policy(RoleName=DEV, PolicyName="grants")["PolicyDocument"]
    grants["Statement"] = [
        {
            **s,
            "Action": [a.upper() for a in [s["Action"]] * 2]
            if isinstance(s["Action"], str)
            else s["Action"][::-1],
        }
        for s in grants["Statement"][::-1]
    ]
    iam.update_assume_role_policy(RoleName=DEV, PolicyDocument=trust)
    iam.put_role_policy(
        RoleName=DEV, PolicyName="grants", PolicyDocument=json.dumps(grants, indent=4)
    )
    assert planned(aws_context, wanted) == Plan()


def test_a_foreign_role_is_left_as_it_is(aws_context: Context) -> None:
    """Neither repaired, nor deleted, nor tagged; the other roles are made beside it."""
    make_foreign(aws_context)
    before = iam_of(aws_context).get_role(RoleName=DEV)["Role"]
    reconcile(aws_context, items(aws_context))
    assert iam_of(aws_context).get_role(RoleName=DEV)["Role"] == before
    assert len(roles(aws_context)) == 4


def test_a_foreign_role_is_found_in_any_case(aws_context: Context) -> None:
    """Names are unique without regard to case
    (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html)."""
    make_foreign(aws_context, DEV.upper())
    wanted, reconciler = items(aws_context), AwsReconciler(aws_context)
    (concern,) = reconciler.concerns(reconciler.observe(wanted), {})
    assert concern.about == DEV.upper()
    assert DEV not in {c.item.name for c in planned(aws_context, wanted).changes}


def test_a_role_of_another_environment_is_foreign(aws_context: Context) -> None:
    """`staging` and `production` share an account, and nothing else."""
    scope = replace(aws_context.environment.scope, environment="production")
    other = replace(aws_context, environment=replace(aws_context.environment, scope=scope))
    reconcile(other, items(other))
    reconcile(aws_context, items(aws_context))
    assert planned(aws_context, []).changes != ()
    assert {
        c.item.name.startswith("al-shop-staging-") for c in planned(aws_context, []).changes
    } == {True}


def test_a_role_under_another_path_is_a_concern(aws_context: Context) -> None:
    """Its ARN is not the one that the agent's definition names, and IAM cannot move it."""
    iam_of(aws_context).create_role(
        RoleName=DEV, Path="/apps/", AssumeRolePolicyDocument=LETS_STRANGER_IN,
        Tags=[{"Key": k, "Value": v} for k, v in aws_context.names.tags().items()],
    )  # fmt: skip
    wanted, reconciler = items(aws_context), AwsReconciler(aws_context)
    (concern,) = reconciler.concerns(reconciler.observe(wanted), {})
    assert "/apps/" in concern.message
    assert DEV not in {c.item.name for c in planned(aws_context, wanted).changes}


def hold(iam: Any, role: str) -> None:
    """Put it into somebody's instance profile."""
    iam.create_instance_profile(InstanceProfileName="theirs")
    iam.add_role_to_instance_profile(InstanceProfileName="theirs", RoleName=role)


def test_a_deleted_principal_is_named(aws_context: Context) -> None:
    """IAM leaves its id in the trust policy
    (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html)."""
    wanted, reconciler = items(aws_context), AwsReconciler(aws_context)
    reconcile(aws_context, wanted)
    gone = statement(Action="sts:AssumeRole", Principal={"AWS": "AROA1234567890EXAMPLE"})
    iam_of(aws_context).update_assume_role_policy(RoleName=DEV, PolicyDocument=gone)
    (concern,) = reconciler.concerns(reconciler.observe(wanted), {})
    assert "AROA1234567890EXAMPLE" in concern.message
    assert concern.warning
    reconcile(aws_context, wanted)
    assert reconciler.concerns(reconciler.observe(wanted), {}) == ()


def test_a_removed_role_is_emptied_first(aws_context: Context) -> None:
    """Attachments and inline policies would keep IAM from deleting it
    (https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteRole.html)."""
    reconcile(aws_context, items(aws_context))
    iam = iam_of(aws_context)
    BREAKS["inline"][0](iam, DEV)
    BREAKS["attached"][0](iam, DEV)
    reconcile(aws_context, items(aws_context, {}))
    assert DEV not in roles(aws_context)


def test_a_role_in_an_instance_profile_stays_and_is_told_of(aws_context: Context) -> None:
    """The profile is somebody's, and a machine may run with it: neither is touched, and the rest is removed
    (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_switch-role-ec2_instance-profiles.html)."""
    reconcile(aws_context, items(aws_context))
    iam, reconciler = iam_of(aws_context), AwsReconciler(aws_context)
    BREAKS["attached"][0](iam, DEV)
    hold(iam, DEV)
    (concern,) = reconciler.concerns(reconciler.observe(()), {})
    assert (concern.about, "instance profile theirs" in concern.message) == (DEV, True)
    reconcile(aws_context, [])
    assert roles(aws_context) == [DEV]
    assert iam.list_attached_role_policies(RoleName=DEV)["AttachedPolicies"] != []
    (holder,) = iam.get_instance_profile(InstanceProfileName="theirs")["InstanceProfile"]["Roles"]
    assert holder["RoleName"] == DEV


def test_a_role_that_comes_into_a_profile_meanwhile_is_left_whole(aws_context: Context) -> None:
    """Between looking and removing: refused before anything is taken from it."""
    reconcile(aws_context, items(aws_context))
    iam, decided = iam_of(aws_context), planned(aws_context, [])
    hold(iam, DEV)
    with pytest.raises(Conflict, match="instance profile theirs"):
        AwsReconciler(aws_context).apply(decided, progress=lambda _: None)
    assert iam.list_role_policies(RoleName=DEV)["PolicyNames"] == ["grants"]


def test_a_role_that_is_wanted_is_repaired_wherever_it_is(aws_context: Context) -> None:
    """Only a removal needs it out of a profile."""
    wanted = items(aws_context)
    reconcile(aws_context, wanted)
    hold(iam_of(aws_context), DEV)
    BREAKS["trust"][0](iam_of(aws_context), DEV)
    reconcile(aws_context, wanted)
    assert not planned(aws_context, wanted)


def test_names_cut_by_hash_are_ours_too(aws_context: Context) -> None:
    """A long project leaves nothing of the agent in a role's name; the tags say whose it is."""
    scope = replace(aws_context.environment.scope, project="p" * 60)
    context = replace(aws_context, environment=replace(aws_context.environment, scope=scope))
    reconcile(context, items(context))
    assert {len(name) for name in roles(context)} == {64}
    BREAKS["attached"][0](iam_of(context), roles(context)[0])
    assert [c.item.name for c in planned(context, items(context)).changes] == roles(context)[:1]
    reconcile(context, [])
    assert roles(context) == []


def test_an_environment_without_aws_has_no_reconciler(aws_context: Context) -> None:
    """Said before anything is asked."""
    local = replace(aws_context, environment=replace(aws_context.environment, cloud=None))
    with pytest.raises(ConfigError):
        AwsReconciler(local)
