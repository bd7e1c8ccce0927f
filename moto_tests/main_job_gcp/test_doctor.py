"""`al doctor` and `al teardown` against the embedded Google cloud: leftovers and drift are found, and all of it can go."""

import json
from collections.abc import Callable

import httpx
import pytest
from google.cloud import run_v2
from google.cloud import secretmanager_v1 as sm
from google.iam.v1 import policy_pb2

from infra.reconcile.gcp_preflight import ACT_AS, NEEDED, OF_STATE
from moto_tests.main_job.conftest import Stage, copy_of
from moto_tests.main_job_gcp.conftest import WHERE, Cloud, add_credential
from toolkit.sandbox import daemon

AGENT = 'schedule = "0 9 * * *"\n'


@pytest.fixture(scope="module")
def stage(new_stage: Callable[[str], Stage]) -> Stage:
    """A pushed project that nothing is wrong with."""
    made = new_stage("ward")
    add_credential(made)
    made.agent("one", "exit 0", config=f'{AGENT}credentials = ["x_twitter_user_oauth1"]\n')
    made.agent("two", "exit 0", config=AGENT)
    made.answer("push")
    return made


def leave_a_secret(cloud: Cloud) -> str:
    """What a launcher that died between its first two calls leaves behind: a run's secret, long out of date."""
    client = cloud.clients.client(sm.SecretManagerServiceClient)
    labels = cloud.names.labels(agent="one", run="one-00000000")
    found = client.create_secret(
        parent=cloud.clients.parent,
        secret_id=f"{cloud.names.run_secrets('one')}one-00000000-{'0' * 32}_",
        secret=sm.Secret(
            replication={"automatic": {}},
            labels=labels,
            annotations={"al.expires": "2020-01-01T00:00:00Z"},
        ),
    )
    return str(found.name)


def test_nothing_is_wrong_with_what_was_just_pushed(stage: Stage) -> None:
    """Neither in the project nor in the account, whose identities are as they should be."""
    done = stage.al("doctor", "-c", "-E", WHERE, "-H")
    assert (done.returncode, done.stdout) == (0, "nothing is wrong\n"), done.stderr
    assert "the identities are as the project wants them" in done.stderr


def test_a_job_that_somebody_has_deleted_is_said_and_comes_back(stage: Stage) -> None:
    """A push believes its record, so each place that meets it names the push that does not."""
    cloud = Cloud(stage)
    (job,) = [name for name in cloud.jobs() if "-one-" in name]
    cloud.clients.client(run_v2.JobsClient).delete_job(name=job).result()
    run = stage.al("run", "one", "-E", WHERE)
    assert "al push -a" in run.stderr
    found = stage.al("doctor", "-c", "--check-only", "-E", WHERE)
    assert found.returncode == 1, found.stdout + found.stderr
    assert "one: the job" in found.stdout
    assert "al push -a" in found.stdout
    assert stage.al("push", "-a", "-H", "-E", WHERE).returncode == 0
    assert stage.run("one")[0]["state"] == "succeeded"


def test_doctor_asks_about_every_right_that_was_needed(stage: Stage) -> None:
    """Of all that whoever runs `al` was asked for by Google so far; a custom role of an operator has just these.  To act as
    an account is asked about on the accounts, and the gateway may be called by everybody."""
    running = daemon.status(stage.home)
    assert running is not None
    assert running.google is not None
    calls = f"http://{running.google.http}/al-sandbox/calls"
    needs = httpx.get(calls, trust_env=False).json()["needs"]
    needed = {need["action"] for need in needs if need["principal"] == "operator"}
    asked = {right for rights in {**NEEDED, **OF_STATE}.values() for right in rights}
    assert "run.jobs.create" in needed
    assert needed - asked <= {ACT_AS, "run.routes.invoke"}


def test_a_leftover_secret_is_found_and_deleted(stage: Stage) -> None:
    """It is told with 3, and is gone after --fix."""
    cloud = Cloud(stage)
    leave_a_secret(cloud)
    found = stage.al("doctor", "--check-only", "-E", WHERE)
    assert found.returncode == 3, found.stdout + found.stderr
    assert "one-00000000" in found.stdout
    fixed = stage.al("doctor", "--fix", "-y", "-E", WHERE)
    assert fixed.returncode == 0, fixed.stdout + fixed.stderr
    assert cloud.run_secrets() == []


def test_a_right_that_somebody_gave_is_taken_back(stage: Stage) -> None:
    """Drift is shown with 3, repaired with consent, and a second look finds nothing."""
    cloud = Cloud(stage)
    make_editor(cloud)
    shown = stage.al("doctor", "-c", "--check-only", "-E", WHERE)
    assert shown.returncode == 3, shown.stdout + shown.stderr
    assert "roles/editor" in shown.stderr
    repaired = stage.al("doctor", "-c", "-y", "-E", WHERE)
    assert repaired.returncode == 0, repaired.stdout + repaired.stderr
    assert "roles/editor" not in cloud.granted()


def make_editor(cloud: Cloud) -> None:
    from google.cloud import resourcemanager_v3

    client = cloud.clients.client(resourcemanager_v3.ProjectsClient)
    asked = {"resource": cloud.clients.parent, "options": {"requested_policy_version": 3}}
    policy = client.get_iam_policy(request=asked)
    email = f"{cloud.names.service_account('one')}@{cloud.clients.cloud.project}.iam.gserviceaccount.com"
    editor = policy_pb2.Binding(role="roles/editor", members=[f"serviceAccount:{email}"])
    policy.bindings.append(editor)
    policy.version = 3
    client.set_iam_policy(request={"resource": cloud.clients.parent, "policy": policy})


def test_isolation_is_proven(stage: Stage) -> None:
    """Every ordered pair of the agents and the gateway."""
    done = stage.al("doctor", "--prove", "-E", WHERE)
    assert done.returncode == 0, done.stdout
    assert "6 ordered pairs: nobody reaches what is another's" in done.stdout


def test_quotas_are_google_s(stage: Stage) -> None:
    """What is predicted is of the cloud that the environment is in."""
    answer = json.loads(stage.al("doctor", "--check-only", "-E", WHERE, "--json").stdout)
    rows = {row["quota"]: row["predicted"] for row in answer["quotas"]}
    assert rows == {
        "Secret Manager writes": 6,
        "Cloud Run executions": 2,
        "Cloud Run jobs": 8,
        "service accounts": 3,
    }


def test_a_teardown_leaves_nothing(new_stage: Callable[[str], Stage]) -> None:
    """One agent goes and comes again; then all of it is torn down from another checkout while a run goes on. What the
    project had in the cloud is gone, and a push makes it anew."""
    stage = new_stage("leaving")
    add_credential(stage)
    stage.agent("one", "exit 0", config='credentials = ["x_twitter_user_oauth1"]\n')
    stage.agent("stays", "sleep 600")
    stage.answer("push")
    stage.answer("teardown", "one", "-y")
    again = stage.answer("push")
    assert (list(again["images"]), list(again["definitions"])) == (["one"], ["one"])
    assert stage.al("run", "stays", "--detach", "-E", WHERE).returncode == 0
    cloud = Cloud(stage)
    assert len(cloud.held()) > 8
    receipt = copy_of(stage, stage.project.parent / "elsewhere").answer("teardown", "-y")
    assert (receipt["failed"], bool(receipt["verified_absent"])) == ([], True)
    assert cloud.held() == []
    assert stage.answer("push")["changes"] > 10
    assert stage.run("one")[0]["state"] == "succeeded"
