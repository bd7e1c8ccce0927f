"""The isolation proof stays readable: a table where it fits, a line for each role where it does not."""

import pytest

from infra.reconcile.policy import Need
from toolkit.commands import _doctor_view as view
from toolkit.ops.doctor.isolation import KINDS
from toolkit.ops.doctor.proof import Breach, Proof, Role, Row
from toolkit.ui import Ui


def a_row(who: str, *, reaches: tuple[str, ...] = (), proven: bool = True) -> Row:
    role = Role(who=who, purpose="task", name=f"al-{who}-task-role", document="{}")
    reached = {kind: (reaches if kind == "logs" else ()) for kind in KINDS}
    return Row(role=role, proven=proven, reaches=reached)


def a_breach(number: int) -> Breach:
    role = Role(who="dev", purpose="task", name="r", document="{}")
    need = Need(action="logs:GetLogEvents", resource=f"arn:{number}")
    return Breach(role=role, owner="other", kind="logs", need=need)


def shown(capsys: pytest.CaptureFixture[str], proof: Proof, *, columns: int = 200) -> list[str]:
    view.proof(proof, Ui(), columns=columns)
    return capsys.readouterr().out.splitlines()


def test_thirty_agents_are_thirty_lines_of_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    """Within 100 columns, so that each is one line."""
    rows = tuple(a_row(f"agent-{n}") for n in range(30))
    lines = shown(capsys, Proof(rows=rows, breaches=(), pairs=870), columns=100)
    assert lines[0].split()[:2] == ["of", "role"]
    assert len(lines) == 1 + 30 + 2
    assert max(map(len, lines)) <= 100
    assert lines[-1] == "30 roles, 870 ordered pairs: nobody reaches what is another's"


def test_where_a_table_does_not_fit_each_role_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    """With what it reaches, and nothing of what it does not."""
    rows = (a_row("dev", reaches=("other",)), a_row("two"), a_row("three", proven=False))
    lines = shown(capsys, Proof(rows=rows, breaches=(a_breach(1),), pairs=6), columns=40)
    assert lines[:3] == [
        "dev (task): reaches logs of other",
        "two (task): reaches nothing of others",
        "three (task): not known",
    ]


def test_a_role_that_reaches_many_keeps_the_table_narrow(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The cell is cut; the violations are listed below, the first of them."""
    rows = (a_row("dev", reaches=tuple(f"agent-{n}" for n in range(30))),)
    breaches = tuple(a_breach(n) for n in range(30))
    lines = shown(capsys, Proof(rows=rows, breaches=breaches, pairs=30))
    assert "agent-0, agent-1, agent-2, …" in lines[1]
    assert sum(line.startswith("violation: ") for line in lines) == 20
    assert lines[-2:] == [
        "… and 10 more: --json has all",
        "1 role, 30 ordered pairs: 30 violations",
    ]


def test_a_role_that_the_user_brings_is_told_as_unproven(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The verdict is no more than what is known."""
    lines = shown(capsys, Proof(rows=(a_row("dev", proven=False),), breaches=(), pairs=0))
    assert lines[-2].startswith("unproven: al-dev-task-role")
    assert lines[-1].endswith("as far as is known")
