"""Google's IAM at its worst: slow to show, racing, losing answers, used up.  A repair ends, or can be run again."""

from collections.abc import Callable
from itertools import count

import pytest

from infra.reconcile.gcp import GcpReconciler
from moto_tests.gcp.deployed import Console, account, calls, items, planned, reconcile, role, roles
from toolkit.core.environment import GcpCloud
from toolkit.core.errors import AlError, Conflict
from toolkit.core.plan import Plan
from toolkit.core.ports import Context
from toolkit.sandbox.gcp.cloud import Google

Manners = Callable[..., None]


@pytest.fixture
def console(gcp_cloud: GcpCloud) -> Console:
    return Console(gcp_cloud)


def hurry(context: Context) -> GcpReconciler:
    """One whose waits take no time."""
    ticks = count()
    return GcpReconciler(context, sleep=lambda _: None, clock=lambda: float(next(ticks)) / 10)


def made(context: Context) -> None:
    reconciler, wanted = hurry(context), items(context)
    plan = reconciler.plan(wanted, reconciler.observe(wanted), ())
    reconciler.apply(plan, progress=lambda _: None)


@pytest.mark.parametrize("calls_until_seen", [1, 2, 7])
def test_fresh_accounts_are_waited_for(
    gcp_context: Context, manners: Manners, calls_until_seen: int
) -> None:
    """For a while a new account is not found, or forbidden to be seen, or refused in a policy with INVALID_ARGUMENT
    (https://cloud.google.com/iam/docs/service-accounts-create#creating)."""
    manners(fresh_account_calls=calls_until_seen)
    made(gcp_context)
    assert planned(gcp_context, items(gcp_context)) == Plan()


@pytest.mark.parametrize(
    "rpc",
    ["CreateRole", "CreateServiceAccount", "SetIamPolicy", "GetIamPolicy", "ListServiceAccounts"],
)
def test_a_lost_answer_makes_nothing_twice(
    gcp_context: Context, google: Google, console: Console, rpc: str
) -> None:
    """It is asked again, and what is there already is no error."""
    google.faults.lose(rpc)
    made(gcp_context)
    assert planned(gcp_context, items(gcp_context)) == Plan()
    assert len(console.accounts()) == 3


@pytest.mark.parametrize("rpc", ["DeleteServiceAccount", "DeleteRole", "SetIamPolicy"])
def test_a_removal_whose_answer_is_lost_is_done(
    gcp_context: Context, google: Google, console: Console, rpc: str
) -> None:
    """What is gone is fine."""
    made(gcp_context)
    google.faults.lose(rpc)
    reconciler = hurry(gcp_context)
    reconciler.apply(reconciler.plan([], reconciler.observe([]), ()), progress=lambda _: None)
    assert (console.accounts(), console.roles()) == ([], [])


def test_a_race_for_the_policy_is_run_again(gcp_context: Context, google: Google) -> None:
    """ABORTED is what somebody else's write in between is answered with
    (https://cloud.google.com/iam/docs/retry-strategy)."""
    google.faults.fail("SetIamPolicy", "ABORTED", times=3)
    made(gcp_context)
    assert planned(gcp_context, items(gcp_context)) == Plan()
    assert calls(google)["SetIamPolicy"] == 4


def test_throttling_is_waited_out(gcp_context: Context, google: Google) -> None:
    """600 writes a minute (https://cloud.google.com/iam/quotas)."""
    google.faults.fail("CreateServiceAccount", "RESOURCE_EXHAUSTED", times=5)
    made(gcp_context)
    assert planned(gcp_context, items(gcp_context)) == Plan()


@pytest.mark.parametrize("rpc", ["CreateRole", "CreateServiceAccount", "SetIamPolicy"])
def test_a_failure_in_the_middle_is_finished_by_the_next_plan(
    gcp_context: Context, google: Google, rpc: str
) -> None:
    """What was done is kept."""
    google.faults.fail(rpc, "PERMISSION_DENIED")
    with pytest.raises(AlError):
        made(gcp_context)
    made(gcp_context)
    assert planned(gcp_context, items(gcp_context)) == Plan()


def test_a_role_that_cannot_come_back_yet_is_said(
    gcp_context: Context, console: Console, manners: Manners
) -> None:
    """After 7 days it cannot be undeleted, and for 37 more its id is taken
    (https://cloud.google.com/iam/docs/creating-custom-roles#deleting-custom-role)."""
    made(gcp_context)
    console.delete_role(role(gcp_context))
    manners(clock_ahead=10 * 86_400)
    with pytest.raises(Conflict, match="37 days"):
        made(gcp_context)


def test_a_repair_that_is_not_shown_says_so(gcp_context: Context, console: Console) -> None:
    """Somebody undoes it each time: told instead of believed."""
    reconciler, wanted = hurry(gcp_context), items(gcp_context)
    plan = reconciler.plan(wanted, reconciler.observe(wanted), ())

    def undo(_: str) -> None:
        console.give(console.member(account(gcp_context, "dev")))

    with pytest.raises(AlError, match="does not show"):
        reconciler.apply(plan, progress=undo)


def test_progress_tells_of_each_change(gcp_context: Context) -> None:
    """In the order of making."""
    lines = reconcile(gcp_context, items(gcp_context))
    assert lines == [
        *(f"created custom role {name}" for name in roles(gcp_context)),
        "created service account al-shop-staging-dev",
        "created service account al-shop-staging-ops",
        "created service account gw-al-shop-staging",
        "waiting until IAM shows it",
    ]
