"""`al logs` from the words that a user types."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.gateway.place import Place
from toolkit.cli import cli
from toolkit.core.errors import UsageError

CONFIG = 'name = "shop"\n'
AGENT = "---\ndescription: a test\n---\nDo nothing.\n"


@pytest.fixture
def project(place: Place, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The place, as a project directory that `al -p` accepts."""
    context = place.services.context
    monkeypatch.setenv("AL_HOME", str(context.home))
    monkeypatch.delenv("AL_ENV", raising=False)
    directory = context.project
    agent = directory / "agents" / "dev"
    agent.mkdir(parents=True)
    (directory / "config.toml").write_text(CONFIG)
    (agent / "SKILL.md").write_text(AGENT)
    (agent / "test-script.sh").write_text("#!/bin/sh\n")
    return directory


def al(project: Path, *words: str) -> Result:
    return CliRunner().invoke(cli, ["logs", *words, "-p", str(project)])


def test_the_conversation_is_shown(place: Place, project: Path) -> None:
    """Lines on stdout, nothing else."""
    run = place.run()
    place.say(run, "credentials loaded")
    place.record(run, {"msg": "assistant", "text": "Hello."})
    assert al(project, "dev").stdout == "Hello.\n"
    assert al(project, "dev", "-a").stdout == "  credentials loaded\nHello.\n"


def test_json_is_one_object_per_line(place: Place, project: Path) -> None:
    """For jq and the like."""
    place.say(place.run(), "a", "b")
    lines = al(project, "dev-00000001", "--json", "-n", "1").stdout.splitlines()
    assert [json.loads(line)["msg"] for line in lines] == ["b"]


def test_raw_shows_level_run_and_fields(place: Place, project: Path) -> None:
    """One line per record."""
    place.say(place.run(), "credentials loaded")
    assert "info  dev-00000001 credentials loaded" in al(project, "dev", "-r").stdout


def test_following_a_run_that_is_over_ends(place: Place, project: Path) -> None:
    """`-f` on a run stops by itself."""
    run = place.run()
    place.end(run)
    assert al(project, run.id, "-f").exit_code == 0


def test_a_day_and_times_choose_lines(place: Place, project: Path) -> None:
    """`-d`, `--after` and `--before`."""
    run = place.run(ago=300_000)
    place.say(run, "long ago", ago=200_000)
    place.say(run, "now")
    assert al(project, "dev", "-a", "--after", "2h").stdout == "  now\n"
    assert al(project, "dev", "-a", "--before", "2h").stdout == "  long ago\n"
    assert al(project, "dev", "-a", "-d", "2001-01-01").stdout == ""


@pytest.mark.parametrize(
    "words",
    [
        ("dev", "-n", "0"), ("dev", "--after", "soon"), ("dev", "--before", "2026-13-13"), ("dev", "-d", "today"),
        ("dev", "-g", "("), ("dev", "-d", "2026-11-20", "--after", "1h"), ("dev", "-f", "--before", "1h"), ("No Name",),
    ],
)  # fmt: skip
def test_bad_values_are_wrong_use(project: Path, words: tuple[str, ...]) -> None:
    """Exit code 2, with what to write instead."""
    error = al(project, *words).exception
    assert isinstance(error, UsageError)
    assert (error.exit_code, bool(error.hint)) == (2, True)


@pytest.mark.parametrize("words", [(), ("dev", "-n", "many"), ("dev", "--nothing")])
def test_wrong_words_are_wrong_use(project: Path, words: tuple[str, ...]) -> None:
    """As click says it."""
    assert al(project, *words).exit_code == 2
