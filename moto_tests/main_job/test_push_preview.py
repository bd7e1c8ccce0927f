"""A dry run compares the infrastructure with the account before anybody agrees to anything."""

import itertools
import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from toolkit.core.errors import ConfigError
from toolkit.ops import push
from toolkit.ops.load import load_services
from toolkit.ops.push import preview as push_preview
from toolkit.ops.push import steps as push_steps
from toolkit.wiring import Services

from .conftest import Stage

NOBODY = '{"Version": "2012-10-17", "Statement": []}'
NUMBERS = itertools.count()  # every test has a project of its own


@pytest.fixture
def stage(new_stage: Callable[[str], Stage], monkeypatch: pytest.MonkeyPatch) -> Stage:
    """One agent, not yet pushed."""
    made = new_stage(f"ahead-{next(NUMBERS)}")
    monkeypatch.setenv("AL_HOME", str(made.home))
    made.agent("one", "exit 0")
    return made


def services_of(stage: Stage) -> Services:
    return load_services(stage.project, "sandbox", note=lambda text: None)


def begins(stage: Stage) -> str:
    return f"al-{stage.project.name}-sandbox"


def test_a_dry_run_names_what_is_somebody_elses(stage: Stage) -> None:
    """The push would refuse it; better to know before."""
    services_of(stage)  # which starts the sandbox
    role = f"{begins(stage)}-one-lambda-role"
    stage.client("iam").create_role(RoleName=role, AssumeRolePolicyDocument=NOBODY)
    done = stage.al("push", "--dry-run", "-E", "sandbox")
    assert done.returncode == 1
    assert role in done.stderr


def test_a_dry_run_shows_what_somebody_deleted(stage: Stage) -> None:
    """No record knows of it.  Another change is why the engine will start at all, and then it repairs that too."""
    stage.answer("push")
    stage.client("ecr").delete_repository(repositoryName=f"{begins(stage)}-one", force=True)
    stage.agent("two", "exit 0")
    done = stage.al("push", "--dry-run", "--json", "-E", "sandbox")
    assert "(missing in the account)" in done.stderr
    changes = json.loads(done.stdout)["changes"]
    missing = [c["name"] for c in changes if c["reason"] == "missing in the account"]
    assert set(missing) == {f"{begins(stage)}-one"}


def test_what_only_the_engine_knew_of_is_done_with_the_rest(stage: Stage) -> None:
    """Nothing of the plan that was agreed to is left over in the report."""
    stage.answer("push")
    stage.client("ecr").delete_repository(repositoryName=f"{begins(stage)}-one", force=True)
    stage.agent("two", "exit 0")
    decided = push_preview.foreseen(push.decide(services_of(stage)), lambda text: None)
    report = push_steps.carry_out(decided, lambda text: None)
    assert f"{begins(stage)}-one" in {change.item.name for change in report.done}
    assert report.not_done == []


def test_a_changed_prompt_asks_no_engine(stage: Stage) -> None:
    """Nor does a push that has nothing to do."""
    stage.answer("push")
    stage.agent("one", "exit 0", skill="Work harder.")
    services = services_of(stage)
    services.__dict__["applier"] = None
    decided = push.decide(services)
    assert decided.plan
    assert push_preview.foreseen(decided, print) == decided


@pytest.mark.parametrize("tool", ["NoPulumi", "NoSdk"])
def test_without_pulumi_the_plan_is_shown_with_a_warning(stage: Stage, tool: str) -> None:
    """It is still what earlier pushes recorded, and says so."""
    services = services_of(stage)
    services.__dict__["pulumi"] = TOOLS[tool]()
    decided = push.decide(services)
    shown = push_preview.foreseen(decided, print)
    (warning,) = shown.warnings
    assert "was not compared with the account" in warning
    assert replace(shown, warnings=()) == decided


class NoPulumi:
    """What a real environment's services say on a machine without the CLI."""

    wanted, place = "3.0.0", None

    def missing(self) -> str:
        return "there is no Pulumi CLI on the PATH"


class NoSdk(NoPulumi):
    def missing(self) -> str:
        raise ConfigError("Pulumi's Python SDK is not installed", hint="install it")


TOOLS: dict[str, type[NoPulumi]] = {"NoPulumi": NoPulumi, "NoSdk": NoSdk}
