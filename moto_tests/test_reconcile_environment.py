"""`al doctor -c` as an operation: what is shown is what is done, under the deploy lease, and nothing else."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from moto_tests.deployed import Count, roles
from moto_tests.given import agent, with_cloud
from moto_tests.identities import BREAKS, DEV, LETS_STRANGER_IN, iam_of, make_foreign, wipe
from toolkit.clouds.aws import clients_for, cloud_of
from toolkit.core.agent import Project
from toolkit.core.errors import AlError, Conflict, UsageError
from toolkit.core.plan import Action, Plan
from toolkit.core.ports import Context
from toolkit.ops import deploy_lease, infrastructure
from toolkit.ops.doctor import reconcile
from toolkit.ops.doctor.findings import Finding, Weight
from toolkit.ops.holder import Holder
from toolkit.wiring import Services

OLD = "al-shop-staging-old-lambda-role"
GATEWAY = "al-shop-staging--gateway-lambda-role"


def services_of(context: Context, *agents: Any) -> Services:
    """Project `shop` with these agents, `dev` unless said otherwise."""
    return Services(
        context,
        Project(name="shop", directory=Path("shop"), agents=agents or (agent(),)),
    )


def look(services: Services) -> reconcile.Reconciliation:
    return reconcile.examine(services, note=lambda _: None)


def do(services: Services, seen: reconcile.Reconciliation | None = None) -> list[str]:
    """Carry out what was shown, or what there is to show now; the lines of progress."""
    lines: list[str] = []
    reconcile.carry_out(services, seen or look(services), lines.append)
    return lines


def pushed(services: Services) -> Services:
    """As after a push: the roles stand, and the record says so."""
    assert services.project is not None
    do(services)
    wanted = infrastructure.items(services, services.project, {}, gateway_image=None)
    record = {"hash": "of a push", "items": infrastructure._packed(wanted)}
    services.ledger.set_fact(infrastructure.APPLIED, record)
    return services


def changes(seen: reconcile.Reconciliation) -> list[tuple[Action, str, str]]:
    return [(c.action, c.item.name, c.reason) for c in seen.plan.changes]


def test_an_environment_that_was_never_pushed_gets_its_roles(aws_context: Context) -> None:
    """And the table that the lease is in; both are shown before."""
    services = services_of(aws_context)
    seen = look(services)
    assert [(c.item.kind, c.action) for c in seen.plan.changes] == [
        ("table", Action.CREATE),
        ("role", Action.CREATE),
        ("role", Action.CREATE),
    ]
    assert do(services, seen)[0] == "created the state table al-shop-staging"
    assert look(services) == reconcile.Reconciliation(plan=Plan())


def test_a_second_run_writes_nothing(aws_context: Context, counted: Count) -> None:
    """Not even the lease is taken."""
    services = pushed(services_of(aws_context))
    calls = counted(clients_for(cloud_of(aws_context.environment)))
    assert do(services) == []
    read = {"dynamodb.BatchGetItem", "dynamodb.Query", "iam.GetAccountAuthorizationDetails"}
    assert set(calls) == read


def test_the_account_and_the_project_are_told_apart(aws_context: Context) -> None:
    """By what the last push recorded."""
    pushed(services_of(aws_context))
    BREAKS["trust"][0](iam_of(aws_context), DEV)
    bound = with_cloud(aws_context, permission_boundary="arn:aws:iam::123456789012:policy/edge")
    reasons = {name: reason for _, name, reason in changes(look(services_of(bound)))}
    assert reasons[DEV] == "trust: changed in the account; boundary: added in the project"
    assert reasons["al-shop-staging--gateway-lambda-role"] == "boundary: added in the project"


def test_both_at_once_are_said(aws_context: Context) -> None:
    """Neither what was pushed nor what is wanted now is live."""
    pushed(services_of(aws_context))
    BREAKS["boundary"][0](iam_of(aws_context), DEV)
    bound = with_cloud(aws_context, permission_boundary="arn:aws:iam::123456789012:policy/edge")
    reasons = {name: reason for _, name, reason in changes(look(services_of(bound)))}
    assert reasons[DEV] == "boundary: changed in the project and in the account"


def test_the_roles_of_a_removed_agent_go(aws_context: Context) -> None:
    """After they were shown; a role of somebody else that is called alike stays."""
    pushed(services_of(aws_context, agent(), agent("old")))
    make_foreign(aws_context, "al-shop-staging-older-lambda-role")
    seen = look(services_of(aws_context))
    assert changes(seen) == [
        (Action.UPDATE, GATEWAY, "policy: changed in the project"),  # it may start one agent less
        (Action.DELETE, OLD, "no longer in the project"),
    ]
    do(services_of(aws_context), seen)
    assert OLD not in roles(aws_context)
    assert "al-shop-staging-older-lambda-role" in roles(aws_context)


def test_a_role_in_use_until_the_next_push_stays(aws_context: Context) -> None:
    """The agent moves to Fargate with the next push; until then its runs have the role for Lambda."""
    pushed(services_of(aws_context))
    moved = services_of(aws_context, agent(timeout=3600))
    seen = look(moved)
    assert {action for action, name, _ in changes(seen) if name != GATEWAY} == {Action.CREATE}
    assert [(f.about, f.weight) for f in seen.findings] == [(DEV, Weight.WARNING)]
    do(moved, seen)
    assert DEV in roles(aws_context)
    assert look(moved).plan == Plan()


def test_a_foreign_role_is_an_error_with_a_remedy(aws_context: Context) -> None:
    """The others are repaired beside it."""
    make_foreign(aws_context)
    seen = look(services_of(aws_context))
    (finding,) = seen.findings
    assert (finding.about, finding.weight) == (DEV, Weight.ERROR)
    assert "aws iam tag-role --role-name" in finding.remedy
    do(services_of(aws_context), seen)
    assert finding_about(look(services_of(aws_context)), DEV) == finding


def finding_about(seen: reconcile.Reconciliation, name: str) -> Finding:
    (found,) = (f for f in seen.findings if f.about == name)
    return found


def test_a_brought_role_that_lacks_something_is_an_error(aws_context: Context) -> None:
    """Found with what the agent's runs need; nothing is planned for it."""
    make_foreign(aws_context, "mine")
    mine = with_cloud(aws_context, agent_roles=(("dev", "lambda", "mine"),))
    seen = look(services_of(mine))
    assert {f.about for f in seen.findings} == {"mine"}
    assert "mine" not in {name for _, name, _ in changes(seen)}


def test_what_nobody_has_seen_is_not_done(aws_context: Context) -> None:
    """The account changed after it was shown: said by name, and nothing is written."""
    services = pushed(services_of(aws_context))
    BREAKS["inline"][0](iam_of(aws_context), DEV)
    seen = look(services)
    BREAKS["trust"][0](iam_of(aws_context), DEV)
    with pytest.raises(Conflict, match=DEV):
        do(services, seen)
    assert "backdoor" in iam_of(aws_context).list_role_policies(RoleName=DEV)["PolicyNames"]


def test_what_somebody_repaired_meanwhile_is_left_out(aws_context: Context) -> None:
    """Less than what was agreed to is fine."""
    services = pushed(services_of(aws_context))
    iam = iam_of(aws_context)
    for name in (DEV, "al-shop-staging--gateway-lambda-role"):
        BREAKS["inline"][0](iam, name)
    seen = look(services)
    iam.delete_role_policy(RoleName=DEV, PolicyName="backdoor")
    lines = do(services, seen)
    assert [line for line in lines if line.startswith("updated")] == [
        "updated role al-shop-staging--gateway-lambda-role"
    ]


def test_a_push_under_way_is_not_disturbed(aws_context: Context) -> None:
    """Whoever changes the environment holds its lease."""
    services = pushed(services_of(aws_context))
    BREAKS["inline"][0](iam_of(aws_context), DEV)
    seen = look(services)
    somebody = Holder(name="ann@elsewhere pid 1")
    with deploy_lease.held(services.ledger, somebody), pytest.raises(Conflict, match="elsewhere"):
        do(services, seen)
    assert changes(look(services)) == changes(seen)


@pytest.mark.parametrize("step", ["created", "updated", "deleted", "waiting"])
def test_a_run_that_died_is_finished_by_the_next(aws_context: Context, step: str) -> None:
    """At any step: the roles are half repaired, and the next run does the other half."""
    pushed(services_of(aws_context, agent(), agent("old"), agent("two")))
    wipe(aws_context, "al-shop-staging-two-lambda-role")
    BREAKS["policy removed"][0](iam_of(aws_context), DEV)
    now = services_of(aws_context, agent(), agent("two"))
    with pytest.raises(Died):
        reconcile.carry_out(now, look(now), dying_at(step))
    do(now)
    assert look(now).plan == Plan()
    assert OLD not in roles(aws_context)


class Died(AlError):
    """The process is gone."""

    def __init__(self) -> None:
        super().__init__("gone", hint="none")


def dying_at(step: str) -> Callable[[str], None]:
    def progress(line: str) -> None:
        if line.startswith(step):
            raise Died

    return progress


def test_an_environment_without_a_cloud_is_refused(aws_context: Context) -> None:
    """With the option that names one."""
    here = replace(aws_context, environment=replace(aws_context.environment, cloud=None))
    with pytest.raises(UsageError) as caught:
        look(services_of(here))
    assert "-E" in caught.value.hint


def test_a_place_without_a_project_is_refused(aws_context: Context) -> None:
    """There is nothing to compare the account with: all roles would look superfluous."""
    with pytest.raises(UsageError):
        look(Services(aws_context, None))


def test_a_role_made_by_hand_with_our_tags_is_repaired(aws_context: Context) -> None:
    """No push has recorded it, so nobody can say who is right; the project is."""
    pushed(services_of(aws_context))
    tags = aws_context.names.tags(agent="new")
    iam_of(aws_context).create_role(
        RoleName="al-shop-staging-new-lambda-role", AssumeRolePolicyDocument=LETS_STRANGER_IN,
        Tags=[{"Key": k, "Value": v} for k, v in tags.items()],
    )  # fmt: skip
    with_new = services_of(aws_context, agent(), agent("new"))
    ((action, _, reason),) = (c for c in changes(look(with_new)) if c[1] != GATEWAY)
    assert action is Action.UPDATE
    assert "no push has recorded" in reason
    do(with_new)
    assert look(with_new).plan == Plan()
