"""One law for whatever state a project is in: observed, compared, applied, observed again, nothing differs."""

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from moto_tests.gcp.deployed import EDITOR, Console, account, items, planned, reconcile, role
from toolkit.clouds.gcp import cloud_of
from toolkit.clouds.gcp_errors import class_of, translated
from toolkit.core.errors import AlError
from toolkit.core.plan import Plan
from toolkit.core.ports import Context
from toolkit.sandbox.gcp.cloud import Google

STRANGER = "user:eve@example.com"
BEFORE, WANTED = ("dev", "ops", "old"), ("dev", "ops", "new")
Damage = list[tuple[str, str]]


def _own(console: Console, context: Context) -> str:
    return f"{console.project}/roles/{role(context)}"


def _update(console: Console, context: Context, _: str) -> None:
    about = {"title": "x", "included_permissions": ["run.jobs.run"]}
    paths = {"paths": ["title", "included_permissions"]}
    console.iam.update_role(
        request={"name": _own(console, context), "role": about, "update_mask": paths}
    )


BREAKS: dict[str, Callable[[Console, Context, str], object]] = {
    "granted": lambda console, _, name: console.give(console.member(name)),
    "revoked": lambda console, context, name: console.take(
        console.member(name), _own(console, context)
    ),
    "widened": lambda console, context, name: console.give(
        console.member(name), _own(console, context)
    ),
    "disabled": lambda console, _, name: console.iam.disable_service_account(
        request={"name": console.name(name)}
    ),
    "deleted": lambda console, _, name: console.delete_account(name),
    "role changed": _update,
    "role deleted": lambda console, context, _: console.delete_role(role(context)),
    "role given away": lambda console, context, _: console.give(STRANGER, _own(console, context)),
}
damages = st.lists(
    st.tuples(st.sampled_from([*BEFORE, "-gateway"]), st.sampled_from(sorted(BREAKS))),
    max_size=6,
    unique=True,
)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)
@given(damage=damages, pushed=st.booleans(), foreign=st.booleans())
def test_a_repaired_project_needs_no_repair(
    gcp_context: Context, google: Google, damage: Damage, pushed: bool, foreign: bool
) -> None:
    """Anything missing or perturbed, agents removed and added, recorded by a push or not, somebody's account in the way:
    one repair, and a plan that is empty; what is foreign is as it was."""
    google.reset()
    console, before = Console(cloud_of(gcp_context.environment)), items(gcp_context, BEFORE)
    reconcile(gcp_context, before)
    stranger(gcp_context, console, foreign=foreign)
    damaged(gcp_context, console, damage)
    wanted = items(gcp_context, WANTED)
    reconcile(gcp_context, wanted)
    assert planned(gcp_context, wanted, before if pushed else ()) == Plan()
    assert account(gcp_context, "old") not in console.accounts()
    assert STRANGER in console.members()[EDITOR]
    assert STRANGER not in console.members().get(_own(console, gcp_context), set())
    assert not [m for ms in console.members().values() for m in ms if m.startswith("deleted:")]


def damaged(context: Context, console: Console, damage: Damage) -> None:
    """What cannot be damaged any more, as an account that was deleted before, is left."""
    for agent, how in damage:
        try:
            with translated("damaging"):
                BREAKS[how](console, context, account(context, agent))
        except AlError as error:
            if class_of(error) not in {"NotFound", "InvalidArgument", "FailedPrecondition"}:
                raise


def stranger(context: Context, console: Console, *, foreign: bool) -> None:
    """Somebody's binding, and perhaps somebody's account under a name that we want."""
    console.give(STRANGER)
    if foreign:
        console.make_account(account(context, "new"))


@pytest.mark.parametrize("agents", [(), ("one",)])
def test_a_project_of_any_size_is_repaired(gcp_context: Context, agents: tuple[str, ...]) -> None:
    """Also one without agents: the gateway has an account."""
    wanted = items(gcp_context, agents)
    reconcile(gcp_context, wanted)
    console = Console(cloud_of(gcp_context.environment))
    assert len(console.accounts()) == len(agents) + 1
    assert planned(gcp_context, wanted) == Plan()
