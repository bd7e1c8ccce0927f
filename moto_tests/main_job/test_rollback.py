"""`al push --rollback` in the embedded cloud: what ran before runs again, or nothing changes."""

import itertools
import json
from collections.abc import Callable

import pytest

from toolkit.ops import push
from toolkit.ops.load import load_services

from .conftest import Done, Stage

TWO = {"quick": 300, "long": 3600}  # on Lambda, on Fargate

NUMBERS = itertools.count()  # every test has a project of its own


@pytest.fixture
def stage(new_stage: Callable[[str], Stage]) -> Stage:
    """Two agents, each pushed twice."""
    made = new_stage(f"back-{next(NUMBERS)}")
    for version in ("first", "second"):
        write(made, version)
        made.answer("push")
    return made


def write(stage: Stage, version: str, **more: str) -> None:
    for name, timeout in TWO.items():
        stage.agent(name, f"al-return {version}", timeout=timeout, **more)


def returned(stage: Stage) -> list[str]:
    return [stage.run(name)[0]["return_value"] for name in TWO]


def roll_back(stage: Stage, *words: str) -> Done:
    return stage.al("push", "--rollback", *words, "-E", "sandbox")


def refs(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    monkeypatch.setenv("AL_HOME", str(stage.home))
    facts = push.read_facts(load_services(stage.project, "sandbox", note=lambda _: None))
    return {name: facts[f"definition/{name}"]["ref"] for name in TWO}


def test_what_ran_before_runs_again(stage: Stage) -> None:
    """On both runtimes; a push of the unchanged project goes forward again, and builds nothing."""
    shown = roll_back(stage, "--dry-run").stderr
    assert "al-" in shown
    assert "-quick:2 → al-" in shown
    assert returned(stage) == ["second", "second"]
    assert roll_back(stage).returncode == 0
    assert returned(stage) == ["first", "first"]
    forward = stage.al("push", "--dry-run", "-E", "sandbox").stderr
    assert forward.count("was rolled back to") == 2
    assert stage.answer("push")["images"] == {}
    assert returned(stage) == ["second", "second"]
    assert stage.answer("push")["changes"] == 0


def test_a_second_rollback_goes_further_back(stage: Stage) -> None:
    """Push by push, until there is nothing before."""
    stage.agent("quick", "al-return third")
    stage.answer("push")
    assert list(stage.answer("push", "--rollback")["definitions"]) == ["quick"]
    assert returned(stage) == ["second", "second"]
    assert sorted(stage.answer("push", "--rollback")["definitions"]) == ["long", "quick"]
    assert returned(stage) == ["first", "first"]
    done = roll_back(stage, "--json")
    assert done.returncode == 1
    assert "no earlier definition" in json.loads(done.stdout)["error"]["message"]


def test_one_agent_goes_back_alone(stage: Stage) -> None:
    """The other one is left as it is; an unknown one is answered with the nearest."""
    assert roll_back(stage, "long").returncode == 0
    assert returned(stage) == ["second", "first"]
    done = roll_back(stage, "lon")
    assert done.returncode == 2
    assert "did you mean 'long'?" in done.stderr


def test_a_definition_that_is_gone_stops_everything(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RunTask takes ACTIVE revisions only: neither agent is touched, and the revision is named."""
    before = refs(stage, monkeypatch)
    old = before["long"].replace(":2", ":1")
    stage.client("ecs").deregister_task_definition(taskDefinition=old)
    done = roll_back(stage)
    assert done.returncode == 1
    assert f"{old} is INACTIVE" in done.stderr
    assert refs(stage, monkeypatch) == before


def test_a_version_that_is_gone_stops_everything(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same on Lambda."""
    before = refs(stage, monkeypatch)
    function, _ = before["quick"].rsplit(":", 1)
    stage.client("lambda").delete_function(FunctionName=function, Qualifier="1")
    done = roll_back(stage)
    assert done.returncode == 1
    assert f"{function}:1 is gone" in done.stderr
    assert refs(stage, monkeypatch) == before


def test_an_image_that_is_gone_stops_everything(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A task definition names a digest that the registry no longer has: it would fail at the first start."""
    before = refs(stage, monkeypatch)
    repository = f"al-{stage.project.name}-sandbox-long"
    ecr = stage.client("ecr")
    images = ecr.describe_images(repositoryName=repository)["imageDetails"]
    oldest = min(images, key=lambda image: image["imagePushedAt"])
    ecr.batch_delete_image(
        repositoryName=repository, imageIds=[{"imageDigest": oldest["imageDigest"]}]
    )
    done = roll_back(stage)
    assert done.returncode == 1
    assert f"is no longer in {repository}" in done.stderr
    assert refs(stage, monkeypatch) == before


def test_a_credential_that_is_gone_stops_everything(new_stage: Callable[[str], Stage]) -> None:
    """The earlier definition names a value that went with the project's need of it; it is named, no value is."""
    stage = new_stage("back-poor")
    stage.al("creds", "add", "mintlify_token", given="mint_value")
    write(stage, "first", config='credentials = ["mintlify_token"]\n')
    stage.answer("push")
    write(stage, "second")
    stage.answer("push")
    done = roll_back(stage)
    assert done.returncode == 1
    assert "quick: it used mintlify_token/default/token" in done.stderr
    assert returned(stage) == ["second", "second"]
