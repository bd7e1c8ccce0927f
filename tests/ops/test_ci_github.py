"""The workflow's laws, read from what a YAML parser makes of it."""

import re
from dataclasses import replace
from typing import Any

import pytest
import yaml

from infra.desired.oidc import Repository
from tests.pages import refusal
from toolkit.ops.ci.github_actions import Deployment, workflow

ROLE = "arn:aws:iam::123456789012:role/ci-al-shop-production"
SHOP = Deployment(
    project="shop",
    environment="production",
    account="123456789012",
    region="eu-central-1",
    table="al-shop-production",
    repository=Repository(owner="octo", name="shop"),
    branch="main",
    directory="services/shop",
    role=ROLE,
    plan_role=None,
    install="al-toolkit[aws,infra]==0.1.0",
    pulumi="3.200.0",
)
PLANNED = replace(SHOP, plan_role=f"{ROLE}-plan")
BOTH = pytest.mark.parametrize("deployment", [SHOP, PLANNED], ids=["push", "push and plan"])


def read(deployment: Deployment) -> dict[str, Any]:
    """YAML 1.1 takes the key `on` for a boolean; GitHub does not."""
    found = yaml.safe_load(workflow(deployment))
    found["on"] = found.pop(True)
    return dict(found)


def jobs(deployment: Deployment) -> list[dict[str, Any]]:
    return list(read(deployment)["jobs"].values())


def steps(deployment: Deployment) -> list[dict[str, Any]]:
    return [step for job in jobs(deployment) for step in job["steps"]]


def commands(deployment: Deployment) -> list[str]:
    return [step["run"] for step in steps(deployment) if "run" in step]


def test_it_deploys_when_the_branch_moves_or_by_hand() -> None:
    """And by nothing else: a pull request starts nothing unless that was asked for."""
    assert read(SHOP)["on"] == {"push": {"branches": ["main"]}, "workflow_dispatch": {}}


@BOTH
def test_code_of_strangers_never_runs_with_rights(deployment: Deployment) -> None:
    """`pull_request_target` and its like run with the repository's own rights on a fork's words."""
    assert not {"pull_request_target", "workflow_run", "issue_comment"} & set(
        read(deployment)["on"]
    )


@BOTH
def test_no_command_has_an_expression_in_it(deployment: Deployment) -> None:
    """What GitHub puts into a command is run, whoever wrote it
    (https://docs.github.com/en/actions/concepts/security/script-injections)."""
    assert [command for command in commands(deployment) if "${{" in command] == []


@BOTH
def test_no_key_and_no_secret_is_used(deployment: Deployment) -> None:
    """The role is lent for a token that GitHub signs; the agents' credentials were pushed by a person."""
    text = workflow(deployment).lower()
    assert not re.search(r"secrets\.|aws-access-key-id|aws_secret|pulumi_access_token", text)
    assert all("--skip-creds" in c for c in commands(deployment) if "al push" in c)


@BOTH
def test_every_job_has_the_least_permissions_and_an_end(deployment: Deployment) -> None:
    """Nothing by default; to read the files and to ask for a token; minutes, not GitHub's six hours."""
    assert read(deployment)["permissions"] == {}
    assert [job["permissions"] for job in jobs(deployment)] == [
        {"contents": "read", "id-token": "write"}
    ] * len(jobs(deployment))
    assert all(0 < job["timeout-minutes"] <= 60 for job in jobs(deployment))


@BOTH
def test_the_repository_s_token_is_not_left_on_the_disk(deployment: Deployment) -> None:
    """Nothing after the checkout needs it."""
    found = [s for s in steps(deployment) if s.get("uses", "").startswith("actions/checkout@")]
    assert [s["with"]["persist-credentials"] for s in found] == [False] * len(jobs(deployment))


@BOTH
def test_every_action_has_a_version(deployment: Deployment) -> None:
    """A branch's name would be whatever it is tomorrow."""
    used = [step["uses"] for step in steps(deployment) if "uses" in step]
    assert [action for action in used if not re.fullmatch(r"[\w-]+/[\w-]+@v\d+", action)] == []


def test_one_deployment_at_a_time_and_none_is_cut_off() -> None:
    """By environment; a plan of a pull request waits for nobody and makes nobody wait."""
    deploy, plan = jobs(PLANNED)
    assert deploy["concurrency"] == {"group": "al-shop-production", "cancel-in-progress": False}
    assert "concurrency" not in plan


def test_the_deploying_job_is_in_the_environment_and_of_the_branch() -> None:
    """Both are in the trust policy, so another job could not become the role anyway."""
    (job,) = jobs(SHOP)
    assert job["environment"] == "production"
    assert "github.ref == 'refs/heads/main'" in job["if"]


def test_it_becomes_the_role_in_the_environments_account_and_region() -> None:
    """And refuses to go on in another account."""
    (step,) = [s for s in steps(SHOP) if s.get("uses", "").startswith("aws-actions/")]
    assert step["with"] == {
        "role-to-assume": ROLE,
        "aws-region": "eu-central-1",
        "allowed-account-ids": "123456789012",
    }


def test_it_examines_before_it_pushes() -> None:
    """What runs left behind (3) does not stop a deployment; an error does."""
    assert commands(SHOP)[-2:] == [
        'al doctor -E production -H --check-only || [ "$?" -eq 3 ]',
        "al push -E production -H --skip-creds",
    ]


@BOTH
def test_every_call_of_al_is_one_that_al_takes(deployment: Deployment) -> None:
    """Verb and options, as click would read them."""
    calls = [c.partition(" ||")[0].split() for c in commands(deployment) if c.startswith("al ")]
    assert [refusal(call[1:], whole=True) for call in calls] == [""] * len(calls)


def test_it_works_in_the_projects_directory() -> None:
    """Wherever in the repository that is."""
    assert [job["defaults"]["run"]["working-directory"] for job in jobs(PLANNED)] == [
        "services/shop"
    ] * 2


def test_everything_that_is_installed_has_a_version() -> None:
    """Python, Pulumi's CLI, and al itself."""
    by_action = {s["uses"].partition("@")[0]: s["with"] for s in steps(SHOP) if "uses" in s}
    assert by_action["actions/setup-python"] == {"python-version": "3.11"}
    assert by_action["pulumi/actions"] == {"pulumi-version": "3.200.0"}
    (install,) = [s for s in steps(SHOP) if "AL_INSTALL" in s.get("env", {})]
    assert install["env"] == {"AL_INSTALL": "al-toolkit[aws,infra]==0.1.0"}
    assert install["run"].endswith(' "$AL_INSTALL"')


def test_a_file_of_requirements_is_installed_as_one() -> None:
    """So that hashes can be demanded, in the file."""
    (install,) = [s for s in steps(replace(SHOP, install="-r ci.txt")) if "env" in s]
    assert install["env"] == {"AL_INSTALL": "ci.txt"}
    assert install["run"].endswith(' --requirement "$AL_INSTALL"')


def test_a_plan_is_only_for_branches_of_the_repository_and_with_its_own_role() -> None:
    """A fork's pull request gets no token from GitHub, and no job here."""
    _, plan = jobs(PLANNED)
    assert "head.repo.full_name == github.repository" in plan["if"]
    assert "environment" not in plan
    roles = [s["with"]["role-to-assume"] for s in plan["steps"] if "role-to-assume" in s.get("with", {})]  # fmt: skip
    assert roles == [f"{ROLE}-plan"]
    assert [s["run"] for s in plan["steps"] if "al " in s.get("run", "")][-1].endswith("--dry-run")


def test_no_value_can_end_its_string() -> None:
    """Whatever a value is, it stays one value."""
    nasty = 'a" # b\n  - c: ${d} \\ é'
    (install,) = [s for s in steps(replace(SHOP, install=nasty)) if "env" in s]
    assert install["env"] == {"AL_INSTALL": nasty}


def test_the_same_facts_are_the_same_bytes() -> None:
    """So that a second `al ci init` can say that nothing changed."""
    assert workflow(PLANNED) == workflow(replace(PLANNED))
    assert workflow(SHOP).endswith("--skip-creds\n")
