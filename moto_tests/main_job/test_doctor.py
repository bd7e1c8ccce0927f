"""`al doctor -c` against the embedded cloud: drift is shown, repaired with consent, and told by the exit code."""

import json
import shutil
from collections.abc import Callable
from typing import Any

import pytest

from .conftest import Stage

OPEN = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
AGENT = 'schedule = "0 9 * * *"\n'


@pytest.fixture(scope="module")
def stage(new_stage: Callable[[str], Stage]) -> Stage:
    """A pushed project with an agent on Lambda and one on Fargate, that nothing is wrong with."""
    made = new_stage("ward")
    made.agent("one", "exit 0", config=AGENT)
    made.agent("two", "exit 0", timeout=3600, config=AGENT)
    made.answer("push")
    return made


@pytest.fixture
def drifted(stage: Stage) -> Stage:
    """Somebody let the agent `one` do everything."""
    stage.client("iam").put_role_policy(
        RoleName=role(stage), PolicyName="grants", PolicyDocument=json.dumps(OPEN)
    )
    return stage


def role(stage: Stage, agent: str = "one", purpose: str = "lambda") -> str:
    return f"al-{stage.project.name}-sandbox-{agent}-{purpose}-role"


def grants(stage: Stage) -> Any:
    found = stage.client("iam").get_role_policy(RoleName=role(stage), PolicyName="grants")
    return found["PolicyDocument"]


def test_a_pushed_project_is_as_it_should_be(stage: Stage) -> None:
    """Nothing is wrong, nothing differs, nothing is left."""
    done = stage.al("doctor", "-c", "-E", "sandbox", "-H")
    assert (done.returncode, done.stdout) == (0, "nothing is wrong\n")
    assert "the identities are as the project wants them" in done.stderr


def test_headless_shows_drift_and_changes_nothing(drifted: Stage) -> None:
    """The role, the statement, and that it was the account that changed; the code is 3 (D21 of the architecture)."""
    done = drifted.al("doctor", "-c", "-E", "sandbox", "-H")
    assert done.returncode == 3
    assert f"~ role {role(drifted)}  (policy: changed in the account" in done.stderr
    assert "policy: - Allow * on *" in done.stderr
    assert grants(drifted) == OPEN


@pytest.mark.parametrize("more", [(), ("-y",)])
def test_check_only_changes_nothing_even_with_consent(
    drifted: Stage, more: tuple[str, ...]
) -> None:
    """It shows, and the code is 3."""
    done = drifted.al("doctor", "-c", "--check-only", "-E", "sandbox", *more)
    assert done.returncode == 3
    assert grants(drifted) == OPEN


def test_where_nobody_can_be_asked_nothing_is_repaired(drifted: Stage) -> None:
    """The plan was shown; then -y or -H is missing."""
    done = drifted.al("doctor", "-c", "-E", "sandbox")
    assert done.returncode == 2
    assert f"~ role {role(drifted)}" in done.stderr
    assert "add -y" in done.stderr
    assert grants(drifted) == OPEN


def test_with_consent_drift_is_repaired_and_looked_at_again(drifted: Stage) -> None:
    """The second look says that nothing is left, so the code is 0, and a second run has nothing to do."""
    done = drifted.al("doctor", "-c", "-y", "-E", "sandbox")
    assert done.returncode == 0
    assert f"updated role {role(drifted)}" in done.stderr
    assert grants(drifted) != OPEN
    again = drifted.al("doctor", "-c", "-y", "-E", "sandbox")
    assert again.returncode == 0
    assert "updated" not in again.stderr


def test_the_document_has_the_plan_with_before_and_after(drifted: Stage) -> None:
    """For a program that decides by itself; the findings are in it as well."""
    done = drifted.al("doctor", "-c", "--check-only", "-E", "sandbox", "--json")
    answer = json.loads(done.stdout)
    assert (answer["exit_code"], done.returncode, answer["findings"]) == (3, 3, [])
    (change,) = answer["plan"]
    assert (change["action"], change["kind"], change["name"]) == ("update", "role", role(drifted))
    assert change["before"]["policy"] == OPEN
    assert change["after"]["policy"] != OPEN


def test_quotas_are_in_the_document(stage: Stage) -> None:
    """Each with what is predicted, the limit and its page."""
    answer = json.loads(stage.al("doctor", "-E", "sandbox", "--json").stdout)
    rows = {row["quota"]: row for row in answer["quotas"]}
    assert rows["Secrets Manager CreateSecret"]["predicted"] == 2
    assert rows["Fargate task launches"]["predicted"] == 1
    assert all(row["source"].startswith("https://") for row in rows.values())


def test_an_agent_that_is_gone_is_left_over_until_the_next_push(
    new_stage: Callable[[str], Stage],
) -> None:
    """It is named with the commands that remove it; after the push, nothing of it is left."""
    stage = new_stage("moved")
    for name in ("stays", "goes"):
        stage.agent(name, "exit 0", config=AGENT)
    stage.answer("push")
    shutil.rmtree(stage.project / "agents" / "goes")
    done = stage.al("doctor", "-E", "sandbox")
    assert done.returncode == 3
    assert "leftover: goes: is no longer in the project" in done.stdout
    assert "`al teardown goes -E sandbox`" in done.stdout
    stage.answer("push")
    assert stage.al("doctor", "-E", "sandbox").stdout == "nothing is wrong\n"


def test_before_the_first_push_the_doctor_says_so(new_stage: Callable[[str], Stage]) -> None:
    """It is a warning: the project can be examined all the same."""
    stage = new_stage("unborn")
    stage.agent("one", "exit 0", config=AGENT)
    done = stage.al("doctor", "-E", "sandbox")
    assert done.returncode == 0
    assert "nothing was pushed there" in done.stdout


def test_what_a_repair_took_away_is_no_longer_left_over(new_stage: Callable[[str], Stage]) -> None:
    """A role of an agent that nobody knows: it is named, -y removes it, and the code is 0."""
    stage = new_stage("cured")
    stage.agent("one", "exit 0", config=AGENT)
    stage.answer("push")
    names = {"al:managed": "true", "al:project": "cured", "al:environment": "sandbox"}
    tags = [{"Key": key, "Value": value} for key, value in {**names, "al:agent": "old"}.items()]
    stray, trust = role(stage, "old"), json.dumps({**OPEN, "Statement": []})
    stage.client("iam").create_role(RoleName=stray, AssumeRolePolicyDocument=trust, Tags=tags)
    shown = stage.al("doctor", "-c", "-H", "-E", "sandbox")
    assert shown.returncode == 3
    assert "leftover: old:" in shown.stdout
    assert "1 identity differs: `al doctor -c -y` repairs it" in shown.stdout
    done = stage.al("doctor", "-c", "-y", "-E", "sandbox")
    assert done.returncode == 0, done.stdout
    assert done.stdout.endswith("nothing is wrong\n")


def test_findings_of_identities_do_not_end_as_if_there_were_none(
    new_stage: Callable[[str], Stage],
) -> None:
    """A role that is a stranger's under our name: nothing is to be repaired, and something is wrong."""
    stage = new_stage("mixed")
    stage.agent("one", "exit 0", config=AGENT)
    stage.answer("push")
    stage.client("iam").untag_role(RoleName=role(stage), TagKeys=["al:managed"])
    done = stage.al("doctor", "-c", "-H", "-E", "sandbox")
    assert done.returncode == 1
    assert "the identities are as the project wants them" not in done.stderr
    assert "what is wrong is said above" in done.stderr


def test_an_agent_that_was_torn_down_is_said_to_be_missing(
    new_stage: Callable[[str], Stage],
) -> None:
    """The project still has it, and the environment not."""
    stage = new_stage("torn")
    for name in ("one", "two"):
        stage.agent(name, "exit 0", config=AGENT)
    stage.answer("push")
    assert stage.al("teardown", "one", "-y", "-E", "sandbox").returncode == 0
    done = stage.al("doctor", "-E", "sandbox")
    assert "warning: one: is not deployed in sandbox" in done.stdout
