"""A part of a push: only values, everything but values, one agent, and everything again."""

import itertools
import json
import shutil
from collections.abc import Callable
from typing import Any

import pytest

from .conftest import Stage

TOKEN = "bugsnag-0123456789abcdef"
NEEDS_TOKEN = 'credentials = ["bugsnag_token"]\n'
SHOWS_TOKEN = 'al-return "$(cat "$AL_CREDENTIALS_PATH"/bugsnag_token/default/token | wc -c)"'

NUMBERS = itertools.count()  # every test has a project of its own


@pytest.fixture
def stage(new_stage: Callable[[str], Stage]) -> Stage:
    """A project of the test's own."""
    return new_stage(f"part-{next(NUMBERS)}")


def add(stage: Stage, kind: str, value: str) -> None:
    assert stage.al("creds", "add", kind, given=value).returncode == 0


def remove(stage: Stage, kind: str) -> None:
    shutil.rmtree(stage.home / "credentials" / kind, ignore_errors=True)


def secrets(stage: Stage) -> list[str]:
    """What Secrets Manager has of this project, without the prefix that all share."""
    prefix = f"action-llama/{stage.project.name}/sandbox/"
    pages = stage.client("secretsmanager").get_paginator("list_secrets").paginate()
    names = [secret["Name"] for page in pages for secret in page["SecretList"]]
    return sorted(name.removeprefix(prefix) for name in names if name.startswith(prefix))


def value(stage: Stage, path: str) -> str:
    name = f"action-llama/{stage.project.name}/sandbox/{path}"
    found = stage.client("secretsmanager").get_secret_value(SecretId=name)
    return str(found["SecretString"])


def roles(stage: Stage) -> list[str]:
    pages = stage.client("iam").get_paginator("list_roles").paginate()
    names = [role["RoleName"] for page in pages for role in page["Roles"]]
    prefix = f"al-{stage.project.name}-sandbox-"
    return sorted(name.removeprefix(prefix) for name in names if name.startswith(prefix))


@pytest.mark.parametrize("option", ["--skip-creds", "--no-creds", "--files-only"])
def test_all_but_values_needs_no_credential_here(
    new_stage: Callable[[str], Stage], option: str
) -> None:
    """Who will lack one is said, its runs are refused by name, and a push of values alone is all that they wait for."""
    stage = new_stage(f"part-{next(NUMBERS)}")
    remove(stage, "bugsnag_token")
    stage.agent("one", SHOWS_TOKEN, config=NEEDS_TOKEN)
    done = stage.al("push", option, "-E", "sandbox", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["credentials"] == []
    assert "runs of one will be refused: sandbox lacks bugsnag_token/default/token" in done.stderr
    assert "al creds add bugsnag_token" in done.stderr
    refused = stage.al("run", "one", "-E", "sandbox")
    assert refused.returncode == 1
    assert "sandbox lacks bugsnag_token/default/token" in refused.stderr
    add(stage, "bugsnag_token", TOKEN)
    report = stage.answer("push", "--creds-only")
    assert "bugsnag_token/default/token" in report["credentials"]
    assert (report["images"], report["definitions"], report["infrastructure"]) == ({}, {}, False)
    assert stage.run("one")[0]["return_value"] == str(len(TOKEN))


def test_values_alone_need_a_place(stage: Stage) -> None:
    """Secrets are made by the infrastructure's engine: where there is none yet, a whole push is asked for."""
    add(stage, "bugsnag_token", TOKEN)
    stage.agent("one", "exit 0")
    first = stage.al("push", "--creds-only", "-E", "sandbox")
    assert first.returncode == 1
    assert "nothing has been pushed to sandbox yet" in first.stderr
    stage.answer("push")
    stage.agent("one", "exit 0", config=NEEDS_TOKEN)
    second = stage.al("push", "--creds-only", "-E", "sandbox")
    assert second.returncode == 1
    assert "sandbox has no secret yet for bugsnag_token/default/token" in second.stderr
    assert "push without --creds-only" in second.stderr


def test_only_what_differs_is_written_and_only_what_is_needed_goes(stage: Stage) -> None:
    """Other credentials of this machine stay here; an old value is let go; what is no longer needed is removed."""
    add(stage, "bugsnag_token", TOKEN)
    add(stage, "mintlify_token", "mint_other_project")
    stage.agent("one", "exit 0", config=NEEDS_TOKEN)
    stage.answer("push")
    assert secrets(stage) == [
        "bugsnag_token/default/token", "fingerprint-key", "gateway_api_key/default/key",
    ]  # fmt: skip
    add(stage, "bugsnag_token", TOKEN.upper())
    assert stage.answer("push")["credentials"] == ["bugsnag_token/default/token"]
    assert value(stage, "bugsnag_token/default/token") == TOKEN.upper()
    assert versions(stage, "bugsnag_token/default/token") == [["AWSCURRENT"]]
    stage.agent("one", "exit 0")
    stage.answer("push")
    assert secrets(stage) == ["fingerprint-key", "gateway_api_key/default/key"]


def versions(stage: Stage, path: str) -> list[Any]:
    """The labels of each version that has any."""
    name = f"action-llama/{stage.project.name}/sandbox/{path}"
    found = stage.client("secretsmanager").describe_secret(SecretId=name)["VersionIdsToStages"]
    return [labels for labels in found.values() if labels]


def test_everything_again_repairs_what_somebody_deleted(stage: Stage) -> None:
    """A push believes its record; with --all it believes the cloud: value, image, function and revision come back."""
    add(stage, "bugsnag_token", TOKEN)
    stage.agent("one", SHOWS_TOKEN, config=NEEDS_TOKEN)
    stage.agent("long", SHOWS_TOKEN, timeout=3600, config=NEEDS_TOKEN)
    stage.answer("push")
    destroy(stage)
    assert stage.answer("push")["changes"] == 0
    shown = stage.al("push", "--all", "--dry-run", "-E", "sandbox").stderr
    assert shown.count("again because of --all") == 8
    report = stage.answer("push", "-a")
    assert (report["not_done"], sorted(report["images"])) == ([], ["long", "one"])
    for agent in ("one", "long"):
        assert stage.run(agent)[0]["return_value"] == str(len(TOKEN))
    assert stage.answer("push")["changes"] == 0


def destroy(stage: Stage) -> None:
    base = f"al-{stage.project.name}-sandbox"
    stage.client("secretsmanager").delete_secret(
        SecretId=f"action-llama/{stage.project.name}/sandbox/bugsnag_token/default/token"
    )
    for agent in ("one", "long"):
        ecr, repository = stage.client("ecr"), f"{base}-{agent}"
        images = ecr.describe_images(repositoryName=repository)["imageDetails"]
        ids = [{"imageDigest": image["imageDigest"]} for image in images]
        ecr.batch_delete_image(repositoryName=repository, imageIds=ids)
    stage.client("lambda").delete_function(FunctionName=f"{base}-one")
    stage.client("ecs").deregister_task_definition(taskDefinition=f"{base}-long:1")


def test_everything_again_says_which_value_is_lost(stage: Stage) -> None:
    """Deleted there, and not known here: nothing can be repaired, so the field is named and nothing is done."""
    add(stage, "bugsnag_token", TOKEN)
    stage.agent("one", "exit 0", config=NEEDS_TOKEN)
    stage.answer("push")
    remove(stage, "bugsnag_token")
    assert stage.answer("push", "-a")["not_done"] == []
    stage.client("secretsmanager").delete_secret(
        SecretId=f"action-llama/{stage.project.name}/sandbox/bugsnag_token/default/token"
    )
    done = stage.al("push", "-a", "-E", "sandbox")
    assert done.returncode == 1
    assert "bugsnag_token:default.token" in done.stderr


def test_one_agent_is_pushed_and_the_others_are_left_alone(stage: Stage) -> None:
    """A new one gets what it needs; a changed, a removed and another new one wait for their own push."""
    for name in ("stays", "changes", "goes"):
        stage.agent(name, "al-return first")
    stage.answer("push")
    stage.agent("changes", "al-return second", timeout=3600)
    shutil.rmtree(stage.project / "agents" / "goes")
    for name in ("fresh", "later"):
        stage.agent(name, "al-return first", config='credentials = ["mintlify_token"]\n')
    add(stage, "mintlify_token", "mint_value")
    report = stage.answer("push", "fresh")
    assert (list(report["images"]), list(report["definitions"])) == (["fresh"], ["fresh"])
    assert report["not_done"] == []
    assert roles(stage) == [
        "-gateway-lambda-role", "changes-lambda-role", "fresh-lambda-role", "goes-lambda-role",
        "stays-lambda-role",
    ]  # fmt: skip
    assert (
        stage.run("fresh")[0]["return_value"] == stage.run("changes")[0]["return_value"] == "first"
    )
    assert stage.answer("push", "fresh")["changes"] == 0
    stage.answer("push")
    assert roles(stage) == [
        "-gateway-lambda-role", "changes-execution-role", "changes-task-role", "fresh-lambda-role",
        "later-lambda-role", "stays-lambda-role",
    ]  # fmt: skip
    assert stage.answer("push")["changes"] == 0


def test_an_unknown_agent_is_answered_with_the_nearest(pushed: Stage) -> None:
    """A typing error pushes nothing."""
    done = pushed.al("push", "quikc", "-E", "sandbox")
    assert done.returncode == 2
    assert "did you mean 'quick'?" in done.stderr


def test_a_missing_credential_of_another_agent_is_no_hindrance(stage: Stage) -> None:
    """One agent is pushed with its own credentials, and nobody else's are asked for."""
    stage.agent("one", "exit 0")
    stage.agent("poor", "exit 0", config='credentials = ["linear_token"]\n')
    assert list(stage.answer("push", "one")["definitions"]) == ["one"]
    assert stage.al("push", "-E", "sandbox").returncode == 1
