"""`al run AGENT --print-prompt`: what a model would be told, and nothing is started."""

import json
from pathlib import Path

import pytest

from tests.commands.program import al
from toolkit.commands._app import App
from toolkit.commands._prompt import printed
from toolkit.core.environment import Environment, Scope
from toolkit.core.errors import UsageError
from toolkit.core.ports import Context
from toolkit.scheduler.ledgers.sqlite import SqliteLedger


def a_project(cwd: Path) -> Path:
    """Two agents with a model each; `dev` has a parameter and a credential that is stored nowhere."""
    (cwd / "config.toml").write_text(
        '[model]\nprovider = "ollama"\nmodel = "qwen3:8b"\n', encoding="utf-8"
    )
    for name, skill in (("dev", "Work. Today is !`date`."), ("ops", "Keep it up.")):
        (cwd / "agents" / name).mkdir(parents=True)
        (cwd / "agents" / name / "SKILL.md").write_text(skill, encoding="utf-8")
    own = 'description = "develops"\ncredentials = ["github_token"]\n[params]\norg = "acme"\n'
    (cwd / "agents" / "dev" / "config.toml").write_text(own, encoding="utf-8")
    (cwd / "agents" / "ops" / "config.toml").write_text("", encoding="utf-8")
    return cwd


def test_it_is_shown_as_a_run_would_get_it(tmp_path: Path) -> None:
    """Instructions and message; commands within the instructions are not run, and no run is recorded."""
    project = a_project(tmp_path)
    done = al("run", "dev", "fix it", "-E", "local", "--print-prompt", "--json", cwd=project)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["instructions"] == "Work. Today is !`date`."
    assert told["message"].startswith('<agent-config>\n{"org": "acme"}')
    assert "`github_token:default`" in told["message"]
    assert "skill-lock" not in told["message"]
    assert told["message"].endswith("fix it\n</user-prompt>\n\nDo this task.")
    assert not list((project / ".al" / "apps").glob("*"))


def test_locks_and_other_agents_are_there_when_the_gateway_is(tmp_path: Path) -> None:
    """Whom it may call by name, itself not."""
    project = a_project(tmp_path)
    environment = Environment(name="local", scope=Scope(project="p", environment="local"))
    ledger = SqliteLedger(Context(environment=environment, home=project / "home", project=project))
    ledger.prepare()
    ledger.set_fact("gateway", {"url": "http://127.0.0.1:8080"})
    ledger.close()
    done = al("run", "ops", "-E", "local", "--print-prompt", cwd=project)
    assert done.returncode == 0, done.stderr
    assert "--- instructions ---\nKeep it up.\n" in done.stdout
    assert "<skill-lock>" in done.stdout
    assert "- dev: develops\n</skill-subagent>" in done.stdout


def test_an_agent_with_a_script_has_no_prompt(tmp_path: Path) -> None:
    project = a_project(tmp_path)
    (project / "agents" / "ops" / "test-script.sh").write_text("true", encoding="utf-8")
    done = al("run", "ops", "-E", "local", "--print-prompt", cwd=project)
    assert done.returncode == 2
    assert "runs its test-script.sh" in done.stderr


def test_what_is_only_for_a_prompt_starts_no_run() -> None:
    """Rather than a run that was not meant."""
    how = {"print_prompt": False, "trigger": "schedule", "webhook": None}
    with pytest.raises(UsageError) as caught:
        printed(App(), "dev", None, False, how)
    assert caught.value.hint == "add --print-prompt"
