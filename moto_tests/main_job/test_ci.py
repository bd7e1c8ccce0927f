"""Pushing as CI does: from a clean place, with nothing but the repository's files and a few variables."""

import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from infra.desired.oidc import plan_policy
from toolkit.core.clock import now
from toolkit.core.run import RunId
from toolkit.credentials.lease import open_lease
from toolkit.ops import deploy_lease
from toolkit.ops.load import load_services

from .ci_job import Job, commands, commit, job, nameless
from .conftest import Stage, kill, wait_until

HEADLESS = ("-E", "sandbox", "-H")
SECRET = "action-llama/ci-shop/sandbox/github_token/default/token"
VALUE = "ghp_0123456789abcdef"


@pytest.fixture(scope="module")
def shop(new_stage: Callable[[str], Stage]) -> Stage:
    """A committed project, pushed once by a person who has its credential."""
    stage = new_stage("ci-shop")
    stage.agent("greets", "echo hello", config='credentials = ["github_token"]\n')
    assert stage.al("creds", "add", "github_token", given=VALUE).returncode == 0
    assert stage.al("push", "-E", "sandbox").returncode == 0
    commit(stage)
    return stage


@pytest.fixture
def new_job(shop: Stage, tmp_path: Path) -> Callable[..., Job]:
    """`new_job("first")`: a clone of the project as it was last committed."""
    return lambda name, **more: job(shop, tmp_path / name, **more)


@pytest.fixture
def settled(new_job: Callable[..., Job]) -> None:
    """What is committed is deployed, whatever another test has done."""
    pushed(new_job("before"))


def pushed(at: Job, *words: str) -> dict[str, Any]:
    done = at.al("push", *HEADLESS, "--skip-creds", "--json", *words)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def test_a_clean_job_pushes_what_was_committed(shop: Stage, new_job: Callable[..., Job]) -> None:
    """What is new, once: its own second push, and another job's, find everything there."""
    shop.agent("greets", "echo hello again", config='credentials = ["github_token"]\n')
    commit(shop)
    first = new_job("first")
    report = pushed(first)
    assert (list(report["images"]), list(report["definitions"])) == (["greets"], ["greets"])
    assert pushed(first)["changes"] == 0
    assert pushed(new_job("second"))["changes"] == 0


def test_a_clean_job_leaves_the_credentials_alone(shop: Stage, new_job: Callable[..., Job]) -> None:
    """It has none, and what a person pushed is what runs get."""
    before = shop.client("secretsmanager").get_secret_value(SecretId=SECRET)
    shop.agent("greets", 'test "$GITHUB_TOKEN" && echo has it', config='credentials = ["github_token"]\n')  # fmt: skip
    commit(shop)
    assert pushed(new_job("one"))["credentials"] == []
    after = shop.client("secretsmanager").get_secret_value(SecretId=SECRET)
    assert (after["VersionId"], after["SecretString"]) == (before["VersionId"], VALUE)
    assert shop.run("greets")[0]["state"] == "succeeded"


@pytest.mark.usefixtures("settled")
@pytest.mark.skipif(not nameless(), reason="no process may be another user here (unshare --user)")
def test_a_user_without_a_name_and_a_home_can_push(new_job: Callable[..., Job]) -> None:
    """Containers run as a number that no file knows; who holds the lease is told all the same."""
    at = new_job("nameless")
    assert at.run("id", "--user").stdout == "54321\n"
    assert at.run("id", "--user", "--name").returncode != 0
    assert pushed(at)["changes"] == 0


def test_whoever_has_no_home_has_no_settings_there(new_job: Callable[..., Job]) -> None:
    """Neither HOME nor AL_HOME nor a name to look one up by: there are the project's environments, and no login."""
    at = new_job("homeless", AL_HOME="")
    listed = at.al("env", "list")
    assert (listed.returncode, listed.stderr) == (0, "")
    code = (
        "from toolkit.images.auth import docker_login; print(docker_login('registry.example.com'))"
    )
    assert at.run("python", "-c", code).stdout == "None\n"


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize("directory", ["/nonexistent", "/proc"])
def test_a_home_that_nobody_can_write_to_is_no_hindrance(
    new_job: Callable[..., Job], directory: str
) -> None:
    """Nothing is kept between jobs."""
    assert pushed(new_job("poor", HOME=directory))["changes"] == 0


@pytest.mark.usefixtures("settled")
def test_the_commands_of_the_workflow_succeed(new_job: Callable[..., Job]) -> None:
    """Those very lines, in the shell that the runner uses."""
    at = new_job("runner")
    done = [at.run("bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", c) for c in commands("sandbox")]  # fmt: skip
    assert [(d.returncode, d.stderr) for d in done if d.returncode] == []
    assert "everything was there already" in done[-1].stdout


def test_what_a_run_left_behind_does_not_stop_a_deployment(
    shop: Stage, new_job: Callable[..., Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`al doctor` says so with 3, the workflow goes on, and the next `--fix` finds it still there."""
    monkeypatch.setenv("AL_HOME", str(shop.home))
    services = load_services(shop.project, "sandbox", note=lambda _: None)
    lease = open_lease(
        services.run_secrets, services.context.names, run=RunId("greets-00000001"), payload={},
        timeout=1, now=lambda: now().replace(year=2000),
    )  # fmt: skip
    at = new_job("late")
    assert at.al("doctor", *HEADLESS, "--check-only").returncode == 3
    examine = commands("sandbox")[0]
    assert at.run("bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", examine).returncode == 0
    assert services.run_secrets.exists(lease.ref.name)
    assert shop.al("doctor", *HEADLESS, "--fix").returncode == 0


def test_a_broken_project_ends_with_2_and_changes_nothing(new_job: Callable[..., Job]) -> None:
    """For doctor it is an error as well; both name the file."""
    at = new_job("broken")
    (at.clone / "agents/greets/config.toml").write_text("timeout = 'soon'\n")
    done = at.al("push", *HEADLESS, "--skip-creds")
    assert done.returncode == 2
    assert "agents/greets/config.toml" in done.stderr
    assert at.al("doctor", *HEADLESS, "--check-only").returncode == 1


def test_a_credential_that_nobody_pushed_is_an_error_before_the_push(
    new_job: Callable[..., Job],
) -> None:
    """CI cannot have it: doctor, which the workflow asks first, says what a person has to do; push warns of it."""
    at = new_job("lacking")
    (at.clone / "agents/greets/config.toml").write_text('credentials = ["slack_bot_token"]\n')
    examined = at.al("doctor", *HEADLESS, "--check-only")
    assert examined.returncode == 1
    assert "al creds add slack_bot_token" in examined.stdout
    planned = at.al("push", *HEADLESS, "--skip-creds", "--dry-run")
    assert "warning: runs of greets will be refused" in planned.stderr


def test_of_two_jobs_the_second_fails_and_names_the_first(
    shop: Stage, new_job: Callable[..., Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It waits for nobody, because a runner costs money; the first goes on undisturbed."""
    monkeypatch.setenv("AL_HOME", str(shop.home))
    run = {"GITHUB_RUN_ID": "77", "GITHUB_REPOSITORY": "octo/shop"}
    services = load_services(shop.project, "sandbox", note=lambda _: None)
    at = changed(new_job("second"))
    with deploy_lease.held(services.ledger, deploy_lease.holder(run)):
        done = at.al("push", *HEADLESS, "--skip-creds")
    assert done.returncode == 1
    assert "https://github.com/octo/shop/actions/runs/77" in done.stderr
    assert at.al("push", *HEADLESS, "--skip-creds").returncode == 0


def test_a_killed_job_blocks_nobody(shop: Stage, new_job: Callable[..., Job]) -> None:
    """Killed while it held the environment, with no chance to say so; the next job finishes what it began."""
    process = changed(new_job("killed")).start("al", "push", *HEADLESS, "--skip-creds")
    wait_until(lambda: lease(shop) or process.poll() is not None)
    kill(process)
    assert process.returncode == -signal.SIGKILL
    assert lease(shop)
    next_one = changed(new_job("next"))
    report = pushed(next_one)
    assert list(report["definitions"]) == ["greets"]
    assert pushed(next_one)["changes"] == 0


def lease(stage: Stage) -> Any:
    """What the table says of it."""
    key = {"pk": {"S": "fact"}, "sk": {"S": deploy_lease.FACT}}
    table = f"al-{stage.project.name}-sandbox"
    return stage.client("dynamodb").get_item(TableName=table, Key=key).get("Item")


def changed(at: Job) -> Job:
    """With a commit's worth of change, another in every job."""
    (at.clone / "agents/greets/SKILL.md").write_text(f"Greet from {at.clone}.")
    return at


@pytest.mark.usefixtures("settled")
def test_the_role_for_pull_requests_can_plan_and_nothing_else(
    shop: Stage, new_job: Callable[..., Job]
) -> None:
    """The sandbox holds its session to the policy that `al ci init github --plan-on-pr` prints."""
    session = as_role(shop, "plan", plan_policy("123456789012", "us-east-1", "al-ci-shop-sandbox"))
    at = new_job("pull-request", **session)
    (at.clone / "agents/greets/config.toml").write_text("timeout = 3600\n")
    shown = at.al("push", *HEADLESS, "--skip-creds", "--dry-run")
    assert shown.returncode == 0, shown.stderr
    assert "+ role al-ci-shop-sandbox-greets-task-role" in shown.stderr
    refused = at.al("push", *HEADLESS, "--skip-creds")
    assert refused.returncode == 1
    assert "not authorized" in refused.stderr
    assert pushed(new_job("after"))["changes"] == 0


def as_role(stage: Stage, name: str, policy: dict[str, Any]) -> dict[str, str]:
    """The variables of a session of a new role with this policy.  With the third, `al` takes the session's keys for
    its own also in the sandbox, as it does within runs."""
    iam, nobody = stage.client("iam"), '{"Version": "2012-10-17", "Statement": []}'
    made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=nobody)["Role"]
    iam.put_role_policy(RoleName=name, PolicyName="al", PolicyDocument=json.dumps(policy))
    keys = stage.client("sts").assume_role(RoleArn=made["Arn"], RoleSessionName="ci")["Credentials"]
    return {
        "AWS_ACCESS_KEY_ID": keys["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"],
        "AWS_SESSION_TOKEN": keys["SessionToken"],
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:9/",
    }
