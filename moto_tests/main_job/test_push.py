"""`al push` against the embedded cloud: what it changes, what it leaves alone, and how it is resumed."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from toolkit.ops import push
from toolkit.ops.load import load_services
from toolkit.ops.push import steps as push_steps

from .conftest import Stage


def test_an_unchanged_push_changes_nothing(pushed: Stage) -> None:
    """Everything is compared by hash; no image, definition, value or engine is touched."""
    report = pushed.answer("push")
    assert report["changes"] == 0
    assert (
        report["images"],
        report["definitions"],
        report["credentials"],
        report["infrastructure"],
    ) == ({}, {}, [], False)


def test_a_changed_prompt_is_one_image_and_one_definition(
    new_stage: Callable[[str], Stage],
) -> None:
    """The infrastructure's engine does not start, and other agents are left alone."""
    stage = new_stage("prompts")
    stage.agent("one", "exit 0")
    stage.agent("two", "exit 0")
    stage.answer("push")
    stage.agent("one", "exit 0", skill="Work harder.")
    report = stage.answer("push")
    assert (list(report["images"]), list(report["definitions"]), report["infrastructure"]) == (
        ["one"],
        ["one"],
        False,
    )


def test_a_dry_run_changes_nothing(new_stage: Callable[[str], Stage]) -> None:
    """The plan is shown and the cloud has nothing of the project afterwards."""
    stage = new_stage("rehearsal")
    stage.agent("one", "exit 0")
    shown = stage.al("push", "--dry-run", "-E", "sandbox")
    assert shown.returncode == 0
    assert "+ role al-rehearsal-sandbox-one-lambda-role" in shown.stderr
    assert [
        r["RoleName"]
        for r in stage.client("iam").list_roles()["Roles"]
        if "rehearsal" in r["RoleName"]
    ] == []
    assert [
        t for t in stage.client("dynamodb").list_tables()["TableNames"] if "rehearsal" in t
    ] == []


def test_a_dry_run_answers_in_json(pushed: Stage) -> None:
    """The plan is data on stdout."""
    done = pushed.al("push", "--dry-run", "--json", "-E", "sandbox")
    assert json.loads(done.stdout) == {"changes": []}


def test_a_missing_credential_stops_before_anything_is_made(
    new_stage: Callable[[str], Stage],
) -> None:
    """Every missing field is named, with the command that adds it."""
    stage = new_stage("poor")
    stage.agent("one", "exit 0", config='credentials = ["sentry_token", "linear_token"]\n')
    done = stage.al("push", "-E", "sandbox")
    assert done.returncode == 1
    assert "sentry_token:default.token, linear_token:default.token" in done.stderr
    assert "al creds add sentry_token" in done.stderr
    assert [t for t in stage.client("dynamodb").list_tables()["TableNames"] if "poor" in t] == []


def test_a_dockerfile_is_refused_by_name(new_stage: Callable[[str], Stage]) -> None:
    """What is not built yet is an error, not silence."""
    stage = new_stage("docked")
    stage.agent("one", "exit 0")
    (stage.project / "agents/one/Dockerfile").write_text("FROM scratch\n")
    done = stage.al("push", "-E", "sandbox")
    assert done.returncode == 2
    assert "agents/one/Dockerfile" in done.stderr


def test_the_timer_follows_from_the_project(new_stage: Callable[[str], Stage]) -> None:
    """Every minute where an agent has a schedule, and seldom where nothing starts by itself."""
    stage = new_stage("clock")
    for schedule, rate in (
        ('schedule = "0 * * * *"\n', "rate(1 minute)"),
        ("", "rate(15 minutes)"),
    ):
        stage.agent("one", "exit 0", config=schedule)
        stage.answer("push")
        rule = stage.client("events").describe_rule(Name="al-clock-sandbox--timer")
        assert rule["ScheduleExpression"] == rate


def test_a_removed_agent_loses_its_role_and_repository(new_stage: Callable[[str], Stage]) -> None:
    """The next push takes away what only that agent had."""
    stage = new_stage("shrinking")
    stage.agent("stays", "exit 0")
    stage.agent("goes", "exit 0")
    stage.answer("push")
    for file in (stage.project / "agents/goes").iterdir():
        file.unlink()
    (stage.project / "agents/goes").rmdir()
    stage.answer("push")
    roles = [
        r["RoleName"]
        for r in stage.client("iam").list_roles()["Roles"]
        if "al-shrinking" in r["RoleName"]
    ]
    assert [r for r in roles if "goes" in r] == []
    assert [r for r in roles if "stays" in r]
    assert stage.al("run", "goes", "-E", "sandbox").returncode == 2


def test_logs_outlive_a_move_and_a_removal(new_stage: Callable[[str], Stage]) -> None:
    """An agent that moved to Fargate still has its Lambda runs' lines, through the gateway too."""
    stage = new_stage("moving")
    stage.agent("one", "echo on lambda")
    stage.agent("two", "exit 0")
    stage.answer("push")
    first, _ = stage.run("one")
    stage.agent("one", "echo on fargate", timeout=3600)
    stage.answer("push")
    second, _ = stage.run("one")
    assert (first["runtime"], second["runtime"]) == ("aws_lambda", "ecs_fargate")
    shown = stage.al("logs", "one", "-E", "sandbox").stdout
    assert "on lambda" in shown
    assert "on fargate" in shown


STEPS = (
    "created the state table",
    "infrastructure",
    "created role",
    "image: the",
    "image: one",
    "definition",
    "credential",
    "gateway",
)


@pytest.mark.parametrize("step", STEPS)
def test_a_push_interrupted_at_any_step_is_finished_by_the_next(
    new_stage: Callable[[str], Stage], monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """Ctrl-C when `step` is reached; the next push does the rest, and the one after finds nothing to do."""
    stage = new_stage("cut-" + "".join(c for c in step if c.isalpha())[:12])
    stage.agent("one", "exit 0")
    monkeypatch.setenv("AL_HOME", str(stage.home))
    services = load_services(stage.project, "sandbox", note=lambda text: None)
    with pytest.raises(KeyboardInterrupt):
        push_steps.carry_out(push.decide(services), interrupted_at(step))
    assert stage.answer("push")["gateway_url"]
    assert stage.answer("push")["changes"] == 0
    run, _ = stage.run("one")
    assert run["state"] == "succeeded"


def interrupted_at(step: str) -> Callable[[str], None]:
    def progress(text: str) -> None:
        if text.startswith(step):
            raise KeyboardInterrupt

    return progress


def test_the_report_is_json_on_stdout_alone(pushed: Stage) -> None:
    """The conversation is on stderr, so the answer can be piped."""
    done = pushed.al("push", "-E", "sandbox", "--json")
    answer: dict[str, Any] = json.loads(done.stdout)
    assert answer["environment"] == "sandbox"
    assert answer["gateway_url"].startswith("http://127.0.0.1:")
