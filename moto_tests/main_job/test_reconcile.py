"""`al doctor -c` between pushes: what was broken by hand is named and repaired, and the next push takes it from there."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from moto_tests.identities import BREAKS
from toolkit.core.plan import Plan
from toolkit.ops.doctor import reconcile
from toolkit.ops.load import load_services
from toolkit.wiring import Services

from .conftest import Stage

ONE, TWO = "al-{}-sandbox-one-lambda-role", "al-{}-sandbox-two-lambda-role"


@pytest.fixture
def open_(monkeypatch: pytest.MonkeyPatch) -> Callable[[Stage], Services]:
    """The services that a verb would have in this project."""

    def services(stage: Stage) -> Services:
        monkeypatch.setenv("AL_HOME", str(stage.home))
        return load_services(stage.project, "sandbox", note=lambda _: None)

    return services


def examine(services: Services) -> reconcile.Reconciliation:
    return reconcile.examine(services, note=lambda _: None)


def repair(services: Services) -> list[str]:
    lines: list[str] = []
    reconcile.carry_out(services, examine(services), lines.append)
    return lines


def wipe(iam: Any, name: str) -> None:
    for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]:
        iam.delete_role_policy(RoleName=name, PolicyName=policy)
    iam.delete_role(RoleName=name)


def push_two(new_stage: Callable[[str], Stage], name: str) -> Stage:
    stage = new_stage(name)
    for agent in ("one", "two"):
        stage.agent(agent, "echo done")
    stage.answer("push")
    return stage


def test_a_push_leaves_nothing_to_repair(pushed: Stage, open_: Callable[[Stage], Services]) -> None:
    """The engine and doctor make the same roles of the same desired state."""
    assert examine(open_(pushed)) == reconcile.Reconciliation(plan=Plan())


def test_what_is_broken_by_hand_is_repaired_and_pushed_over(
    new_stage: Callable[[str], Stage], open_: Callable[[Stage], Services]
) -> None:
    """Every attribute; then a push of nothing does nothing, one of something works, and the agents run."""
    stage = push_two(new_stage, "broken")
    services, role = open_(stage), ONE.format("broken")
    for spoil, _ in (BREAKS[name] for name in BREAKS if name != "policy removed"):
        spoil(stage.client("iam"), role)
    (change,) = examine(services).plan.changes
    named = {part.partition(":")[0] for part in change.reason.split("; ")}
    assert (change.item.name, named) == (
        role,
        {"trust", "policy", "boundary", "inline", "attached", "tags"},
    )
    assert f"updated role {role}" in repair(services)
    assert not examine(services).plan
    assert stage.answer("push")["changes"] == 0
    assert stage.run("one")[0]["state"] == "succeeded"


def test_a_deleted_role_is_made_again_and_adopted(
    new_stage: Callable[[str], Stage], open_: Callable[[Stage], Services]
) -> None:
    """Doctor's role is taken over by the next push that changes identities: here one that moves an agent."""
    stage = push_two(new_stage, "wiped")
    wipe(stage.client("iam"), ONE.format("wiped"))
    assert f"created role {ONE.format('wiped')}" in repair(open_(stage))
    assert stage.run("one")[0]["state"] == "succeeded"
    stage.agent("two", "echo done", timeout=3600)
    assert stage.answer("push")["infrastructure"]
    assert not examine(open_(stage)).plan
    assert TWO.format("wiped") not in str(stage.client("iam").list_roles()["Roles"])


def test_roles_that_doctor_made_first_are_adopted(
    new_stage: Callable[[str], Stage], open_: Callable[[Stage], Services]
) -> None:
    """Identities by whoever may make them, the rest by whoever may not."""
    stage = new_stage("early")
    stage.agent("one", "echo done")
    assert f"created role {ONE.format('early')}" in repair(open_(stage))
    stage.answer("push")
    assert not examine(open_(stage)).plan
    assert stage.run("one")[0]["state"] == "succeeded"


def test_a_removed_agents_role_goes_before_the_push_that_forgets_it(
    new_stage: Callable[[str], Stage], open_: Callable[[Stage], Services]
) -> None:
    """Doctor deletes what nobody needs; the push finds it gone and goes on."""
    stage = push_two(new_stage, "fewer")
    for file in (stage.project / "agents/two").iterdir():
        file.unlink()
    (stage.project / "agents/two").rmdir()
    assert f"deleted role {TWO.format('fewer')}" in repair(open_(stage))
    assert stage.answer("push")["infrastructure"]
    assert not examine(open_(stage)).plan
    assert stage.run("one")[0]["state"] == "succeeded"


def test_doctor_shows_it_and_repairs_it_when_told_to(new_stage: Callable[[str], Stage]) -> None:
    """Headless it shows and exits with 3; with -y it repairs; then there is nothing left."""
    stage, role = push_two(new_stage, "told"), ONE.format("told")
    BREAKS["inline"][0](stage.client("iam"), role)
    shown = stage.al("doctor", "-c", "-H", "-E", "sandbox")
    assert shown.returncode == 3
    assert "inline: added in the account (backdoor)" in shown.stderr
    done = stage.al("doctor", "-c", "-H", "-y", "--json", "-E", "sandbox")
    assert (done.returncode, json.loads(done.stdout)["plan"]) == (0, [])
