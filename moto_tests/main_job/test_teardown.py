"""`al teardown` against the embedded cloud: what is ours goes, whatever else the account holds stays as it is."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from moto_tests.holding import make
from moto_tests.picture import Picture, picture

from .conftest import Stage, copy_of, wait_until

KINDS = (
    "role",
    "secret",
    "log_group",
    "task_definition",
    "cluster",
    "security_group",
    "table",
    "bucket",
)
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}
    ],
}  # fmt: skip


def strangers(stage: Stage, image: str) -> None:
    """One of each kind under names that begin as ours do; some without tags, some with another environment's."""
    theirs = {"al:managed": "true", "al:project": "leaving", "al:environment": "sandbox-eu"}
    for kind in KINDS:
        slash = "/" if kind == "log_group" else ""
        make(stage.client, kind, f"{slash}al-leaving-sandbox-eu-{kind.replace('_', '-')}", theirs)
        make(stage.client, kind, f"{slash}al-leaving-sandbox-x{kind.replace('_', '-')}", {})
    make(stage.client, "secret", "action-llama/leaving/sandbox/theirs/default/token", {})
    stage.client("ecr").create_repository(repositoryName="al-leaving-sandbox/theirs")
    stage.client("logs").create_log_group(logGroupName="/aws/lambda/al-leaving-sandbox-eu-x")
    role = stage.client("iam").create_role(
        RoleName="al-leaving-sandbox-eu-x-lambda-role", AssumeRolePolicyDocument=json.dumps(TRUST)
    )
    stage.client("lambda").create_function(
        FunctionName="al-leaving-sandbox-eu-x", PackageType="Image", Code={"ImageUri": image},
        Role=role["Role"]["Arn"],
    )  # fmt: skip


def ours(seen: Picture) -> Picture:
    """What has the project's name, other projects being at work in the same cloud."""
    return {key: what for key, what in seen.items() if "leaving" in str(key)}


@pytest.fixture
def stage(new_stage: Callable[[str], Stage]) -> Stage:
    made = new_stage("leaving")
    made.al("creds", "add", "sentry_token", given="sntrys_value")
    needs = 'credentials = ["sentry_token"]\n'
    made.agent("quick", 'echo "quick $AL_RUN_ID"', config=needs)
    made.agent("long", 'echo "long $AL_RUN_ID"', timeout=3600, config=needs)
    made.agent("stays", "sleep 600")
    made.agent("long-stays", "sleep 600", timeout=3600)
    return made


def test_everything_of_ours_goes_and_every_byte_of_strangers_stays(
    pushed: Stage, stage: Stage
) -> None:
    """Pushed, run on both runtimes and still running: afterwards the account is what it was before, and a push makes
    it all again."""
    function = pushed.client("lambda").get_function(FunctionName="al-shop-sandbox-quick")
    strangers(stage, function["Code"]["ImageUri"])
    before = picture(stage.client)
    assert stage.answer("push")["changes"] > 20
    for agent in ("quick", "long"):
        assert stage.run(agent)[0]["state"] == "succeeded"
    for agent in ("stays", "long-stays"):
        assert stage.al("run", agent, "--detach", "-E", "sandbox").returncode == 0
    wait_until(lambda: len(claimed(stage)) == 2)
    receipt = stage.answer("teardown", "-y")
    assert receipt["failed"] == []
    assert receipt["verified_absent"]
    after = picture(stage.client)
    assert ours(after) == ours(before)
    assert after.keys() == before.keys()
    assert not (stage.project / ".al/pushed.json").exists()
    check_again(stage, before)


def claimed(stage: Stage) -> list[Any]:
    """The mailboxes of runs that have begun and are not over."""
    items = stage.client("dynamodb").scan(TableName="al-leaving-sandbox")["Items"]
    return [item for item in items if "claimed" in item and "report" not in item]


def check_again(stage: Stage, before: Picture) -> None:
    """A push makes it all again; another checkout, with no credential and no trace of a push, tears that down."""
    assert stage.answer("push")["changes"] > 20
    assert stage.run("quick")[0]["state"] == "succeeded"
    other = copy_of(stage, stage.project.parent / "elsewhere")
    for folder in ("quick", "long", "stays", "long-stays"):
        for file in (other.project / "agents" / folder).iterdir():
            file.unlink()
    done = other.al("teardown", "-E", "sandbox", "-y")
    assert done.returncode == 0, done.stderr
    assert "nothing of it is there" in done.stdout
    assert ours(picture(stage.client)) == ours(before)


def test_one_agent_goes_and_comes_again(new_stage: Callable[[str], Stage]) -> None:
    """The others run on; the next push makes it again while it is in the project."""
    stage = new_stage("thinning")
    stage.agent("one", 'echo "one"')
    stage.agent("two", 'echo "two"')
    stage.answer("push")
    receipt = stage.answer("teardown", "one", "-y")
    assert {item["kind"] for item in receipt["removed"]} >= {"function", "repository", "role"}
    assert "one is still in the project" in receipt["notes"][0]
    assert stage.run("two")[0]["state"] == "succeeded"
    assert stage.al("run", "one", "-E", "sandbox").returncode == 1
    assert list(stage.answer("push")["definitions"]) == ["one"]
    assert stage.run("one")[0]["state"] == "succeeded"


def test_nothing_goes_without_agreement(new_stage: Callable[[str], Stage]) -> None:
    """The plan is shown, and where nobody can be asked it is wrong use, also headless; a dry run shows and ends."""
    stage = new_stage("asking")
    stage.agent("one", "exit 0")
    stage.answer("push")
    before = ours_of(stage)
    for words in ((), ("-H",)):
        refused = stage.al("teardown", *words, "-E", "sandbox")
        assert refused.returncode == 2
        assert "add -y" in refused.stderr
    shown = stage.al("teardown", "--dry-run", "--json", "-E", "sandbox")
    assert {"kind": "table", "name": "al-asking-sandbox"} in json.loads(shown.stdout)["remove"]
    assert "- table al-asking-sandbox" in shown.stderr
    assert ours_of(stage) == before


def ours_of(stage: Stage) -> Picture:
    name = stage.project.name
    return {key: what for key, what in picture(stage.client).items() if name in str(key)}
