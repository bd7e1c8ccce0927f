"""What a model would be told: of each way in which its run can start, and of each place where it can be."""

import json
from pathlib import Path

import pytest

from tests.services import ENVIRONMENT, FakeServices
from toolkit.core.environment import Environment, Scope
from toolkit.core.errors import UsageError
from toolkit.core.ports import Context
from toolkit.ops.load import load_services
from toolkit.ops.local import prepare
from toolkit.ops.prompt import CALLER, Told, told
from toolkit.wiring import Services

OPENED = Path(__file__).parents[1] / "fixtures" / "webhooks" / "github_issue_opened.json"
PROJECT = '[local]\nruntime = "process"\n[webhooks.forge]\ntype = "github"\n'
DEV = '[[webhooks]]\nsource = "forge"\nactions = ["opened"]\n'
OPS = 'schedule = "0 5 * * *"\n'


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Services:
    """`dev` is started by issues that are opened, `ops` by its schedule; both are processes."""
    monkeypatch.setenv("AL_HOME", str(tmp_path / "home"))
    (tmp_path / "config.toml").write_text(PROJECT, encoding="utf-8")
    for name, own in (("dev", DEV), ("ops", OPS)):
        (tmp_path / "agents" / name).mkdir(parents=True)
        (tmp_path / "agents" / name / "SKILL.md").write_text("Work.", encoding="utf-8")
        (tmp_path / "agents" / name / "config.toml").write_text(own, encoding="utf-8")
    return load_services(tmp_path, "local", note=print)


def test_a_webhook_from_a_file_is_told_as_the_gateway_would(shop: Services) -> None:
    """The same words as of `al webhook simulate`, in their block."""
    found = told(shop, "dev", None, webhook=OPENED)
    body = found.message.split("<webhook-trigger>\n")[1].split("\n</webhook-trigger>")[0]
    context = json.loads(body)
    assert (context["event"], context["number"], context["title"]) == ("issues", 7, "It breaks")
    assert found.message.endswith("You were started by the event above. Act on it.")
    assert found.note == ""


def test_a_webhook_that_the_agent_does_not_want_is_told_with_a_note(shop: Services) -> None:
    """It is shown all the same: whoever writes the filters looks at both."""
    found = told(shop, "ops", None, webhook=OPENED)
    assert "<webhook-trigger>" in found.message
    assert found.note.startswith("ops does not want it: `al webhook simulate")


def test_a_call_has_the_words_of_its_caller(shop: Services) -> None:
    found = told(shop, "dev", "review PR 7", "call")
    body = found.message.split("<agent-call>\n")[1].split("\n</agent-call>")[0]
    assert json.loads(body) == {"caller": CALLER, "context": "review PR 7"}
    assert "al-return" in found.message


@pytest.mark.parametrize(
    ("agent", "cause", "last"),
    [
        ("ops", "schedule", "You are running on your schedule. Look for work to do and do it."),
        ("ops", "rerun", "You are running on your schedule. Look for work to do and do it."),
        ("dev", "rerun", "You were started by hand. Look for work to do and do it."),
        ("dev", "manual", "You were started by hand. Look for work to do and do it."),
        ("dev", None, "You were started by hand. Look for work to do and do it."),
    ],
)
def test_every_other_cause_is_one_sentence(
    shop: Services, agent: str, cause: str | None, last: str
) -> None:
    """A rerun is told what its first run was."""
    assert told(shop, agent, None, cause).message.endswith(f"\n\n{last}")


@pytest.mark.parametrize(
    ("prompt", "cause", "webhook", "words"),
    [
        ("do it", None, OPENED, "a webhook is the whole cause"),
        (None, "call", OPENED, "a webhook is the whole cause"),
        ("do it", "schedule", None, "a schedule has no prompt"),
        ("do it", "rerun", None, "a rerun has no prompt"),
    ],
)
def test_what_no_run_can_have_is_refused(
    shop: Services, prompt: str | None, cause: str | None, webhook: Path | None, words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        told(shop, "dev", prompt, cause, webhook)


def test_a_ping_starts_nothing(shop: Services, tmp_path: Path) -> None:
    ping = {"headers": {"X-GitHub-Event": "ping"}, "body": {"zen": "x"}}
    (tmp_path / "ping.json").write_text(json.dumps(ping), encoding="utf-8")
    with pytest.raises(
        UsageError, match="no event, as a ping or a body without its headers is none"
    ):
        told(shop, "dev", None, webhook=tmp_path / "ping.json")


def elsewhere(shop: Services, environment: Environment) -> Told:
    """Of `dev` in another environment of the same project."""
    assert shop.project
    made = FakeServices(shop.project.directory, shop.project)
    place = shop.project.directory
    made.__dict__["context"] = Context(environment=environment, home=place, project=place)
    return told(made, "dev", None)


def test_a_model_is_told_the_truth_of_where_it_works(shop: Services) -> None:
    """In a container where there is one, and not where it is a plain process."""
    here = Scope(project="shop", environment="local")
    docker = Environment(name="local", scope=here, docker=True)
    assert "in no container of your own" in told(shop, "dev", None).message
    assert "You are in a container." in elsewhere(shop, docker).message
    assert "You are in a container." in elsewhere(shop, ENVIRONMENT).message


def test_what_is_shown_is_what_a_run_here_is_given(shop: Services, tmp_path: Path) -> None:
    """The static part, as it stands in the directory that a process is started in."""
    assert shop.project
    prepare(shop, shop.project.agent("dev"))
    (baked,) = (tmp_path / ".al" / "apps").glob("dev-*/static/prompt-static.txt")
    assert told(shop, "dev", None).message.startswith(baked.read_text(encoding="utf-8").strip())
