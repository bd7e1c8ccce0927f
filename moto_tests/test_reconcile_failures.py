"""IAM that throttles, breaks, is denied or is interrupted: what was asked is done in the end, or by the next run."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest

from infra.reconcile import aws as reconcile_aws
from infra.reconcile import roles as live
from infra.reconcile.aws import AwsReconciler
from moto_tests.deployed import Count, items, roles, writes
from moto_tests.faults import BROKEN, BUSY, DENIED, THROTTLED, Fault, Faults, faulty
from moto_tests.given import with_cloud
from moto_tests.identities import BREAKS, DEV, iam_of, planned, reconcile
from tests.fakes import FakeClock
from toolkit.clouds.aws import PROPAGATION, clients_for, cloud_of
from toolkit.core.errors import AccessDenied, AlError
from toolkit.core.plan import Plan
from toolkit.core.ports import Context

READS = (
    "GetAccountAuthorizationDetails",
    "ListRoles",
    "GetRole",
    "ListRolePolicies",
    "GetRolePolicy",
    "ListAttachedRolePolicies",
)
WRITES = (
    "CreateRole",
    "PutRolePolicy",
    "UpdateAssumeRolePolicy",
    "TagRole",
    "UntagRole",
    "DetachRolePolicy",
    "DeleteRolePolicy",
    "DeleteRolePermissionsBoundary",
    "DeleteRole",
)


@pytest.fixture
def proxied(aws_context: Context) -> Iterator[tuple[Context, Faults]]:
    """The same account, reached over an endpoint that can be made to fail."""
    with faulty(cloud_of(aws_context.environment).endpoint or "") as (url, faults):
        yield with_cloud(aws_context, endpoint=url), faults


def spoil_everything(context: Context) -> None:
    """Every write is needed now: to make, to repair and to delete."""
    reconcile(context, items(context, {"dev": "aws_lambda", "old": "aws_lambda"}))
    iam = iam_of(context)
    for name, (spoil, _) in BREAKS.items():
        if name not in ("policy removed", "tag removed"):
            spoil(iam, DEV)


@pytest.mark.parametrize("fault", [THROTTLED, BROKEN], ids=["throttled", "broken"])
def test_a_failure_that_passes_is_waited_out(
    aws_context: Context, proxied: tuple[Context, Faults], fault: Fault
) -> None:
    """Each call that we make fails once; nobody notices
    (https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html)."""
    spoil_everything(aws_context)
    context, faults = proxied
    fail_each(faults, (*READS, *WRITES), fault)
    faults.fail("GetAccountAuthorizationDetails", DENIED, times=9)
    reconcile(context, items(context))
    assert [action for action in (*READS, *WRITES) if faults.due(action)] == [READS[0]]
    assert planned(aws_context, items(aws_context)) == Plan()


def test_a_throttled_look_at_the_account_is_repeated(
    aws_context: Context, proxied: tuple[Context, Faults]
) -> None:
    """More often than botocore would by itself, and not taken for a refusal."""
    context, faults = proxied
    faults.fail(READS[0], THROTTLED, times=5)
    assert AwsReconciler(context).observe(items(context)) == ()
    assert (faults.asked[READS[0]], faults.asked["ListRoles"]) == (6, 0)


def fail_each(faults: Faults, actions: Iterable[str], fault: Fault, *, done: bool = False) -> None:
    for action in actions:
        faults.fail(action, fault, done=done)


def test_a_lost_answer_does_no_harm(aws_context: Context, proxied: tuple[Context, Faults]) -> None:
    """IAM did it and the answer was lost: sent again, it is refused as done already, and that is fine."""
    spoil_everything(aws_context)
    context, faults = proxied
    fail_each(faults, WRITES, BROKEN, done=True)
    reconcile(context, items(context))
    assert planned(aws_context, items(aws_context)) == Plan()


def test_an_edit_of_somebody_else_is_waited_out(
    aws_context: Context, proxied: tuple[Context, Faults]
) -> None:
    """Parallel edits of one role are refused with ConcurrentModification
    (https://docs.aws.amazon.com/IAM/latest/APIReference/API_PutRolePolicy.html)."""
    context, faults = proxied
    faults.fail("PutRolePolicy", BUSY, times=2)
    reconcile(context, items(context))
    assert planned(aws_context, items(aws_context)) == Plan()


@pytest.mark.parametrize("action", ["CreateRole", "PutRolePolicy", "TagRole", "DeleteRole"])
def test_what_a_failure_left_is_done_by_the_next_run(
    aws_context: Context, proxied: tuple[Context, Faults], action: str
) -> None:
    """A refusal that does not pass stops; removals are not begun before everything else is done."""
    spoil_everything(aws_context)
    context, faults = proxied
    faults.fail(action, DENIED, times=9)
    with pytest.raises(AccessDenied):
        reconcile(context, items(context))
    assert "al-shop-staging-old-lambda-role" in roles(aws_context)
    reconcile(aws_context, items(aws_context))
    assert planned(aws_context, items(aws_context)) == Plan()


def test_whoever_may_not_read_the_account_is_served_role_by_role(
    aws_context: Context, proxied: tuple[Context, Faults]
) -> None:
    """Four calls for each role of ours, and one for the list of all; both ways see the same."""
    reconcile(aws_context, items(aws_context))
    for spoil, _ in BREAKS.values():
        spoil(iam_of(aws_context), DEV)
    context, faults = proxied
    faults.fail("GetAccountAuthorizationDetails", DENIED, times=9)
    one_by_one = AwsReconciler(context).observe(items(context))
    assert one_by_one == AwsReconciler(aws_context).observe(items(aws_context))
    ours = len(roles(aws_context))
    counts = [faults.asked[action] for action in READS]
    assert counts == [1, 1, ours, ours, ours, ours]


def test_neither_the_account_nor_its_roles_may_be_read(proxied: tuple[Context, Faults]) -> None:
    """Then it is said which action is lacking."""
    context, faults = proxied
    faults.fail("GetAccountAuthorizationDetails", DENIED)
    faults.fail("ListRoles", DENIED)
    with pytest.raises(AccessDenied, match="list roles"):
        AwsReconciler(context).observe(items(context))


def test_pages_are_followed(
    aws_context: Context, monkeypatch: pytest.MonkeyPatch, counted: Count
) -> None:
    """IAM may send fewer than were asked for, and say that there are more
    (https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListRoles.html)."""
    reconcile(aws_context, items(aws_context))
    monkeypatch.setattr("infra.reconcile.iam.PAGE", 1)
    iam = reconcile_aws.Iam(clients_for(cloud_of(aws_context.environment)))
    calls = counted(clients_for(cloud_of(aws_context.environment)))
    names = [role["RoleName"] for role in iam.pages("list_roles", "Roles")]
    assert sorted(names) == roles(aws_context)
    assert calls.count("iam.ListRoles") >= len(names)


def test_a_removal_is_harmless_when_repeated(aws_context: Context, counted: Count) -> None:
    """One that is gone costs a look and no write."""
    reconcile(aws_context, items(aws_context))
    clients = clients_for(cloud_of(aws_context.environment))
    live.remove(clients, aws_context.names, DEV)
    calls = counted(clients)
    live.remove(clients, aws_context.names, DEV)
    assert writes(calls) == []


def test_it_is_done_when_iam_shows_it(aws_context: Context) -> None:
    """IAM is eventually consistent (https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html): what it still
    shows is looked at again, until it does not."""
    wanted, iam, waits = items(aws_context), iam_of(aws_context), list[float]()
    reconcile(aws_context, wanted)

    def show(seconds: float) -> None:
        waits.append(seconds)
        iam.delete_role_policy(RoleName=DEV, PolicyName="backdoor")

    AwsReconciler(aws_context, sleep=show).apply(bad(aws_context), progress=spoiling(iam))
    assert (len(waits), planned(aws_context, wanted)) == (1, Plan())


def test_what_iam_never_shows_is_an_error(aws_context: Context) -> None:
    """After the longest propagation the wait ends, and says of which role."""
    reconcile(aws_context, items(aws_context))
    clock, iam = FakeClock(), iam_of(aws_context)
    patient = AwsReconciler(aws_context, sleep=clock.sleep, clock=clock.monotonic)
    with pytest.raises(AlError, match=DEV):
        patient.apply(bad(aws_context), progress=spoiling(iam))
    assert clock.monotonic() > PROPAGATION / 2


def bad(context: Context) -> Plan:
    """The plan that repairs a policy added by hand."""
    BREAKS["inline"][0](iam_of(context), DEV)
    return planned(context, items(context))


def spoiling(iam: Any) -> Callable[[str], None]:
    """It is there again when the waiting begins, as if IAM still showed it."""

    def progress(line: str) -> None:
        if line.startswith("waiting"):
            BREAKS["inline"][0](iam, DEV)

    return progress
