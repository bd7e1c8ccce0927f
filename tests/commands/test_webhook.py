"""`al webhook replay` as it is typed."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.commands.program import al
from toolkit.config.load import load_project
from toolkit.core.environment import Environment, Scope
from toolkit.core.ports import Context, Ledger
from toolkit.core.run import RunState, TriggerKind
from toolkit.core.webhook import WebhookRequest
from toolkit.ops import webhook
from toolkit.wiring import Services

FIXTURE = Path(__file__).parent.parent / "fixtures/webhooks/github_issue_opened.json"
SCRIPT = "#!/bin/sh\necho done\n"
SOURCES = """\
name = "shop"
[webhooks.hub]
type = "github"
[webhooks.tries]
type = "test"
allowUnsigned = true
"""
AGENTS = {
    "fixer": 'source = "hub"\nevents = ["issues"]\nlabels = ["bug"]\n',
    "sleeper": 'source = "hub"\nlabels = ["feature"]\nrepos = ["acme/shop"]\n',
    "tester": 'source = "tries"\n',
}


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A project of three agents that need no model."""
    project = tmp_path / "shop"
    for name, trigger in AGENTS.items():
        folder = project / "agents" / name
        folder.mkdir(parents=True)
        (folder / "SKILL.md").write_text("Work.")
        (folder / "config.toml").write_text(f"[[webhooks]]\n{trigger}")
        (folder / "test-script.sh").write_text(SCRIPT)
    (project / "config.toml").write_text(SOURCES)
    return project


def ledger_of(project: Path) -> Ledger:
    environment = Environment(name="local", scope=Scope(project="shop", environment="local"))
    return Services(Context(environment=environment, home=project, project=project)).ledger


def test_each_agent_is_told_of_with_its_reasons(shop: Path) -> None:
    """Filter by filter: what it wants, and what the event has."""
    done = al("webhook", "replay", str(FIXTURE), "--json", cwd=shop)
    assert done.returncode == 0
    told = json.loads(done.stdout)
    assert (told["type"], told["sources"], told["matched"]) == ("github", ["hub"], ["fixer"])
    assert told["context"]["title"] == "It breaks"
    reasons = {entry["agent"]: entry["filters"] for entry in told["agents"]}
    assert reasons["sleeper"] == [
        {"filter": "labels", "wanted": ["feature"], "found": ["bug", "urgent"], "passed": False},
        {"filter": "repos", "wanted": ["acme/shop"], "found": ["acme/shop"], "passed": True},
    ]


def test_it_is_shown_as_tables(shop: Path) -> None:
    """For who looks at a terminal; `simulate` is another name for it."""
    done = al("webhook", "simulate", str(FIXTURE), cwd=shop)
    assert done.returncode == 0
    assert "✗ labels" in done.stdout
    assert done.stdout.endswith("matched: fixer\n")
    assert "['" not in done.stdout  # labels are words, as in the filters


def test_a_raw_body_comes_with_its_source_and_headers(shop: Path) -> None:
    """As it was copied out of a sender's own list of deliveries."""
    body = shop / "body.json"
    body.write_text(json.dumps(json.loads(FIXTURE.read_text())["body"]))
    header = ("--header", "X-GitHub-Event: push")
    done = al("webhook", "replay", "body.json", "-s", "hub", *header, "--json", cwd=shop)
    told = json.loads(done.stdout)
    assert (done.returncode, told["context"]["event"], told["matched"]) == (1, "push", [])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('{"headers": {}, "body": {}}', "the headers do not say who sent this"),
        ('{"headers": {"X-GitHub-Event": "push"}, "body": "null"}', "no JSON object"),
        ('{"headers": {"linear-signature": "x"}, "body": {}}', "no webhook source of type 'linear'"),
    ],
)  # fmt: skip
def test_a_fixture_that_says_too_little_is_answered_with_what_to_add(
    shop: Path, content: str, words: str
) -> None:
    """Exit code 2, and a hint."""
    (shop / "bad.json").write_text(content)
    done = al("webhook", "replay", "bad.json", cwd=shop)
    assert done.returncode == 2
    assert words in done.stderr


def test_what_does_not_say_who_sent_it_is_of_the_only_type_there_is(shop: Path) -> None:
    """With one type of source there is nothing to ask."""
    project = load_project(shop)
    only = replace(project, webhook_sources={"tries": project.webhook_sources["tries"]})
    seen = webhook.tried(only, WebhookRequest(headers={}, body=b"{}"), None)
    assert (seen.type, seen.sources, list(seen.wanted_by)) == ("test", ("tries",), ["tester"])


def test_run_starts_the_agents_that_want_it(shop: Path) -> None:
    """Each as the gateway would start it: by the webhook, with its context."""
    (shop / "try.json").write_text('{"headers": {"X-Test-Event": "deploy"}, "body": {"a": 1}}')
    done = al("webhook", "replay", "try.json", "--run", "-E", "local", "-H", cwd=shop)
    assert done.returncode == 0, done.stderr
    (run,) = ledger_of(shop).runs()
    assert (run.agent, run.trigger, run.source) == ("tester", TriggerKind.WEBHOOK, "tries")
    assert run.state is RunState.SUCCEEDED
