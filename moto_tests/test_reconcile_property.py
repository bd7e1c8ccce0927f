"""One law for whatever state an account is in: observed, compared, applied, observed again, nothing differs."""

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from moto_tests.deployed import client, items, roles
from moto_tests.given import with_cloud
from moto_tests.identities import BREAKS, make_foreign, planned, reconcile, wipe
from toolkit.clouds.aws import cloud_of
from toolkit.core.plan import Item, Plan
from toolkit.core.ports import Context

AGENTS = {"dev": "aws_lambda", "long": "ecs_fargate", "old": "aws_lambda"}
WANTED = {"dev": "aws_lambda", "long": "ecs_fargate", "new": "ecs_fargate"}
BOUNDARY = "arn:aws:iam::123456789012:policy/edge"
Damage = list[tuple[int, str]]

damages = st.lists(
    st.tuples(st.integers(0, 4), st.sampled_from([*BREAKS, "deleted"])), max_size=6, unique=True
)


@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)
@given(damage=damages, bounded=st.booleans(), pushed=st.booleans(), foreign=st.booleans())
def test_a_repaired_account_needs_no_repair(
    aws_context: Context, damage: Damage, bounded: bool, pushed: bool, foreign: bool
) -> None:
    """Any roles missing, any attributes perturbed, agents removed and added, recorded by a push or not, somebody's
    role in the way: one repair, and a plan that is empty; what is foreign is as it was."""
    emptied(aws_context)
    before = items(aws_context, AGENTS)
    present(aws_context, before, damage, foreign=foreign)
    strangers = foreign_roles(aws_context)
    context = with_cloud(aws_context, permission_boundary=BOUNDARY if bounded else None)
    wanted = items(context, WANTED)
    reconcile(context, wanted)
    assert planned(context, wanted, before if pushed else ()) == Plan()
    assert foreign_roles(aws_context) == strangers
    assert not [name for name in roles(context) if "-old-" in name and name not in strangers]


def emptied(context: Context) -> None:
    httpx.post(
        f"{cloud_of(context.environment).endpoint}/moto-api/reset", timeout=60
    ).raise_for_status()


def present(context: Context, made: tuple[Item, ...], damage: Damage, *, foreign: bool) -> None:
    """The roles of an earlier project, damaged in their order; and a role that somebody else made."""
    if foreign:
        make_foreign(context, "al-shop-staging-new-task-role")
    reconcile(context, made)
    iam, names = client(context, "iam"), [n for n in roles(context) if "-new-" not in n]
    for number, how in damage:
        try:
            wipe(context, names[number]) if how == "deleted" else BREAKS[how][0](iam, names[number])
        except iam.exceptions.NoSuchEntityException:
            continue  # it was deleted, or its policy was, by an earlier damage


def foreign_roles(context: Context) -> dict[str, str]:
    found = client(context, "iam").list_roles()["Roles"]
    tags = {
        r["RoleName"]: client(context, "iam").list_role_tags(RoleName=r["RoleName"])["Tags"]
        for r in found
    }
    return {r["RoleName"]: str(r) for r in found if not tags[r["RoleName"]]}


@pytest.mark.parametrize("agents", [0, 1])
def test_a_project_of_any_size_is_repaired(aws_context: Context, agents: int) -> None:
    """Also one without agents: the gateway has a role."""
    wanted = items(aws_context, dict(list(AGENTS.items())[:agents]))
    reconcile(aws_context, wanted)
    assert len(roles(aws_context)) == agents + 1
    assert planned(aws_context, wanted) == Plan()
