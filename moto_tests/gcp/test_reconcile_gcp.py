"""Google's IAM against the desired state: every attribute that we own is compared, named and repaired; nothing else."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from infra.reconcile.gcp import GcpReconciler
from moto_tests.gcp.deployed import (
    EDITOR,
    Console,
    account,
    calls,
    gateway,
    items,
    planned,
    reconcile,
    role,
    roles,
)
from tests.contracts.reconciler import Account, ReconcilerContract
from toolkit.clouds.gcp import cloud_of
from toolkit.core.environment import GcpCloud
from toolkit.core.errors import ConfigError
from toolkit.core.plan import Action, Item, Plan
from toolkit.core.ports import Context, Reconciler
from toolkit.sandbox.gcp.cloud import Google

STRANGER = "user:eve@example.com"
ALONE = "al-shop-staging-alone"


@pytest.fixture
def console(gcp_cloud: GcpCloud) -> Console:
    return Console(gcp_cloud)


class GcpAccount:
    """The contract's words for the console."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def take(self, name: str) -> None:
        self._console.make_account(name)

    def spoil(self, identity: Item) -> None:
        self._console.give(self._console.member(identity.name))

    def delete(self, identity: Item) -> None:
        self._console.delete_account(identity.name)

    def identities(self) -> list[str]:
        return [*self._console.accounts(), *self._console.roles()]


class TestGcp(ReconcilerContract):
    """Service accounts, and the custom role."""

    @pytest.fixture
    def reconciler(self, gcp_context: Context) -> Reconciler:
        return GcpReconciler(gcp_context)

    @pytest.fixture
    def desired(self, gcp_context: Context) -> Sequence[Item]:
        """First an account that needs no role of ours, as it is made and removed by itself."""
        wanted = items(gcp_context)
        (one,) = (item for item in wanted if item.name == gateway(gcp_context))
        grants = {k: g for k, g in one.attributes["grants"].items() if k == "roles/logging.viewer"}
        alone = replace(one, name=ALONE, attributes={**one.attributes, "grants": grants})
        return [alone, *wanted]

    @pytest.fixture
    def account(self, console: Console) -> Account:
        return GcpAccount(console)


Spoil = Callable[[Console, str], object]
# what somebody does to the agent's account -> how it is said
ACCOUNT_BREAKS: dict[str, tuple[Spoil, str]] = {
    "grant added": (
        lambda console, name: console.give(console.member(name)),
        "grants: changed in the account (roles/editor)",
    ),
    "disabled": (
        lambda console, name: console.iam.disable_service_account(
            request={"name": console.name(name)}
        ),
        "disabled: added in the account",
    ),
    "renamed": (
        lambda console, name: console.iam.patch_service_account(
            request={
                "service_account": {"name": console.name(name), "display_name": "x"},
                "update_mask": {"paths": ["display_name"]},
            }
        ),
        "display_name: changed in the account",
    ),
}


@pytest.mark.parametrize("how", ACCOUNT_BREAKS)
def test_drift_of_an_account_is_named_and_repaired(
    gcp_context: Context, console: Console, how: str
) -> None:
    """The reason says which attribute it is, and that it was the account that changed."""
    wanted, dev = items(gcp_context), account(gcp_context, "dev")
    reconcile(gcp_context, wanted)
    spoil, words = ACCOUNT_BREAKS[how]
    spoil(console, dev)
    (change,) = planned(gcp_context, wanted, wanted).changes
    assert (change.action, change.item.name, change.reason) == (Action.UPDATE, dev, words)
    reconcile(gcp_context, wanted)
    assert planned(gcp_context, wanted) == Plan()


def test_a_grant_that_was_taken_away_is_given_again(gcp_context: Context, console: Console) -> None:
    """With its condition."""
    wanted, dev = items(gcp_context), account(gcp_context, "dev")
    reconcile(gcp_context, wanted)
    before = console.policy.read()
    console.take(console.member(dev), f"{console.project}/roles/{role(gcp_context)}")
    (change,) = planned(gcp_context, wanted, wanted).changes
    assert change.reason.startswith("grants: removed in the account (own run secrets)")
    reconcile(gcp_context, wanted)
    after = console.policy.read()
    assert sorted(map(str, after.bindings)) == sorted(map(str, before.bindings))


def test_a_condition_that_was_widened_is_narrowed_again(
    gcp_context: Context, console: Console
) -> None:
    """The same role without a condition is another grant, and goes."""
    wanted, dev = items(gcp_context), account(gcp_context, "dev")
    reconcile(gcp_context, wanted)
    own = f"{console.project}/roles/{role(gcp_context)}"
    console.give(console.member(dev), own)
    (change,) = planned(gcp_context, wanted, wanted).changes
    assert change.reason == f"grants: changed in the account ({own})"
    reconcile(gcp_context, wanted)
    unconditional = [b for b in console.policy.read().bindings if not b.condition.expression]
    assert own not in {b.role for b in unconditional}


def test_permissions_that_somebody_added_to_the_role_go(
    gcp_context: Context, console: Console
) -> None:
    """They would be every agent's."""
    wanted, name = items(gcp_context), role(gcp_context)
    reconcile(gcp_context, wanted)
    widened = {"included_permissions": ["run.jobs.run", "secretmanager.secrets.get"]}
    console.iam.update_role(
        request={
            "name": f"{console.project}/roles/{name}",
            "role": widened,
            "update_mask": {"paths": ["included_permissions"]},
        }
    )
    (change,) = planned(gcp_context, wanted, wanted).changes
    assert change.item.key == ("custom_role", name)
    assert "permissions: changed in the account" in change.reason
    assert "run.jobs.run" in change.reason
    reconcile(gcp_context, wanted)
    assert planned(gcp_context, wanted) == Plan()


def test_a_stranger_loses_our_role_and_nothing_else(gcp_context: Context, console: Console) -> None:
    """Our role is ours to give; what else somebody has is not."""
    wanted = items(gcp_context)
    reconcile(gcp_context, wanted)
    own = f"{console.project}/roles/{role(gcp_context)}"
    console.give(STRANGER, own)
    console.give(STRANGER, EDITOR)
    (change,) = planned(gcp_context, wanted, wanted).changes
    assert change.reason == f"strangers: added in the account ({STRANGER})"
    reconcile(gcp_context, wanted)
    assert STRANGER not in console.members()[own]
    assert console.members()[EDITOR] == {STRANGER}


def test_everybody_else_s_bindings_and_conditions_stay(
    gcp_context: Context, console: Console
) -> None:
    """A policy is read with version 3 and written whole: what somebody narrowed stays narrowed
    (https://cloud.google.com/iam/docs/conditions-overview#policy-versions)."""
    narrowed = {"title": "theirs", "expression": 'resource.name == "x"'}
    console.give(STRANGER, "roles/run.developer", **narrowed)
    console.give(STRANGER, "roles/logging.viewer")
    theirs = [str(b) for b in console.policy.read().bindings]
    reconcile(gcp_context, items(gcp_context))
    reconcile(gcp_context, [])
    assert [str(b) for b in console.policy.read().bindings] == theirs


def test_an_account_that_goes_leaves_no_binding(gcp_context: Context, console: Console) -> None:
    """Bindings of a deleted account would stay for weeks as `deleted:serviceAccount:...`
    (https://cloud.google.com/iam/docs/service-accounts-delete-undelete#deleting)."""
    reconcile(gcp_context, items(gcp_context))
    reconcile(gcp_context, items(gcp_context, ["ops"]))
    members = set().union(*console.members().values())
    assert account(gcp_context, "dev") not in console.accounts()
    assert [m for m in members if "dev@" in m] == []


def test_an_account_that_somebody_deleted_gets_its_rights_again(
    gcp_context: Context, console: Console
) -> None:
    """One of the same e-mail is another identity: the old bindings mean the old one, and go."""
    wanted, dev = items(gcp_context), account(gcp_context, "dev")
    reconcile(gcp_context, wanted)
    console.delete_account(dev)
    assert any(m.startswith("deleted:") for ms in console.members().values() for m in ms)
    reconcile(gcp_context, wanted)
    members = console.members()[f"{console.project}/roles/{role(gcp_context)}"]
    assert console.member(dev) in members
    assert [m for m in members if m.startswith("deleted:")] == []


def test_what_a_deleted_account_left_is_drift_of_its_successor(
    gcp_context: Context, console: Console
) -> None:
    """Made again by hand, with its description: the bindings look as if they were there, and are not its own."""
    wanted, dev = items(gcp_context), account(gcp_context, "dev")
    reconcile(gcp_context, wanted)
    about = console.iam.get_service_account(request={"name": console.name(dev)}).description
    console.delete_account(dev)
    console.make_account(dev, about)
    (change,) = planned(gcp_context, wanted, wanted).changes
    assert "deleted: added in the account" in change.reason
    reconcile(gcp_context, wanted)
    assert planned(gcp_context, wanted) == Plan()


def test_a_role_that_was_deleted_comes_back(gcp_context: Context, console: Console) -> None:
    """Its id stays taken, and within 7 days it can be undeleted
    (https://cloud.google.com/iam/docs/creating-custom-roles#deleting-custom-role)."""
    wanted = items(gcp_context)
    reconcile(gcp_context, wanted)
    console.delete_role(role(gcp_context))
    (change,) = planned(gcp_context, wanted, wanted).changes
    assert (change.action, change.reason) == (Action.CREATE, "deleted in the account")
    reconcile(gcp_context, wanted)
    assert console.roles() == roles(gcp_context)
    assert planned(gcp_context, wanted) == Plan()


def test_a_second_run_writes_nothing(gcp_context: Context, google: Google) -> None:
    """And reads with one call each for the policy, the accounts and each of three roles, whatever their number."""
    wanted = items(gcp_context, [f"agent-{n}" for n in range(20)])
    reconcile(gcp_context, wanted)
    google.counts.clear()
    assert reconcile(gcp_context, wanted) == []
    assert calls(google) == {"GetIamPolicy": 1, "ListServiceAccounts": 1, "GetRole": 3}


def test_the_policy_is_written_once_for_all_accounts(gcp_context: Context, google: Google) -> None:
    """Every write is a race with everybody else in the project."""
    reconcile(gcp_context, items(gcp_context, [f"agent-{n}" for n in range(20)]))
    assert calls(google)["SetIamPolicy"] == 1
    assert calls(google)["CreateServiceAccount"] == 21


def test_another_environment_s_are_foreign(gcp_context: Context, console: Console) -> None:
    """`staging` and `production` share a project, and nothing else."""
    scope = replace(gcp_context.environment.scope, environment="production")
    other = replace(gcp_context, environment=replace(gcp_context.environment, scope=scope))
    reconcile(other, items(other))
    before = console.policy.read()
    reconcile(gcp_context, items(gcp_context))
    reconcile(gcp_context, [])
    assert console.policy.read().bindings == before.bindings
    assert planned(other, items(other)) == Plan()


def test_a_foreign_role_is_a_concern(gcp_context: Context, console: Console) -> None:
    """Under our id: said, and left alone."""
    console.make_role(role(gcp_context))
    reconciler, wanted = GcpReconciler(gcp_context), items(gcp_context)
    observed = reconciler.observe(wanted)
    (concern,) = reconciler.concerns(observed, {})
    assert concern.about == role(gcp_context)
    assert role(gcp_context) not in {c.item.name for c in planned(gcp_context, wanted).changes}


def test_an_environment_without_google_has_no_reconciler(gcp_context: Context) -> None:
    """Said before anything is asked."""
    local = replace(gcp_context, environment=replace(gcp_context.environment, cloud=None))
    with pytest.raises(ConfigError):
        GcpReconciler(local)


def test_the_number_is_looked_up_when_nobody_gives_it(gcp_context: Context) -> None:
    """Conditions need it."""
    from toolkit.clouds.gcp import GcpClients

    cloud = replace(cloud_of(gcp_context.environment), number=None)
    assert GcpClients(cloud).number == cloud_of(gcp_context.environment).number
