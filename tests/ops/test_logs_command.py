"""`al logs` from the words that a user types."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.gateway.place import KEY, Place
from toolkit.cli import cli
from toolkit.core.errors import NotFound, UsageError
from toolkit.core.run import RunState

CONFIG = 'name = "shop"\n'
HEADING = "── dev-00000001 ".ljust(60, "─")
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
    assert al(project, "dev").stdout == f"{HEADING}\nHello.\n"
    assert al(project, "dev", "-a").stdout == "  credentials loaded\nHello.\n"


@pytest.mark.parametrize("served_by", ["files", "gateway"])
def test_n_counts_what_is_shown(
    place: Place, project: Path, served: str, served_by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pages go back past what the view hides, however much that is; the other views count their own lines."""
    monkeypatch.setenv("AL_GATEWAY_API_KEY", KEY if served_by == "gateway" else "")
    url = {"gateway": {"url": served}, "files": None}[served_by]
    place.services.ledger.set_fact("gateway", url)
    run = place.run()
    place.record(run, *({"msg": "assistant", "text": text} for text in "abc"))
    place.say(run, *["token-usage"] * 1200)
    place.end(run)
    lines = al(project, "dev", "-n", "3").stdout.splitlines()
    assert [line.strip("─ ") for line in lines] == [run.id, "b", "c", "completed"]
    assert len(al(project, "dev", "-n", "3", "-a").stdout.splitlines()) == 3
    assert len(al(project, "dev", "-n", "3", "-r").stdout.splitlines()) == 3
    assert len(al(project, "dev", "-n", "3", "--json").stdout.splitlines()) == 3
    assert al(project, "dev", "-n", "9").stdout.splitlines()[1:4] == ["a", "b", "c"]


def test_a_long_line_is_one_of_n(place: Place, project: Path) -> None:
    """Its parts are not counted, and none is cut off."""
    run = place.run()
    parts = [{"msg": "output", "stream": "stdout", "text": "x" * 99, "part": n} for n in (1, 2)]
    last = {"msg": "output", "stream": "stdout", "text": "y", "part": 3, "end": True}
    place.record(run, {"msg": "assistant", "text": "before"}, *parts, last)
    assert al(project, "dev", "-n", "1").stdout == f"{HEADING}\n{'x' * 198}y\n"


@pytest.mark.parametrize("deployed", [None, {"hash": "1"}])
def test_an_agent_that_has_not_run_is_no_error(
    place: Place, project: Path, deployed: dict[str, str] | None
) -> None:
    """A note on stderr, also when only the project knows the agent; stdout stays empty."""
    place.services.ledger.set_fact("definition/dev", deployed)
    result = al(project, "dev")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "no runs of dev yet\n")


def test_a_run_that_is_unknown_is_named(project: Path) -> None:
    """It is an error, exit code 1."""
    error = al(project, "dev-0000ffff").exception
    assert isinstance(error, NotFound)
    assert (error.exit_code, "dev-0000ffff" in error.message) == (1, True)


def test_a_run_that_has_not_started_says_so(place: Place, project: Path) -> None:
    """Nothing is wrong: there is nothing to read yet."""
    run = place.run(ago=1, state=RunState.STARTING, handle=None)
    result = al(project, run.id)
    told = (result.exit_code, result.stdout, result.stderr)
    assert told == (0, "", f"{run.id} has not started yet\n")


@pytest.mark.parametrize("follow", [(), ("-f",)])
def test_a_run_that_never_launched_says_why(
    place: Place, project: Path, follow: tuple[str, ...]
) -> None:
    """The reason that its record has; following it ends."""
    why, moment = "no capacity", "2026-11-20T12:00:00.000Z"
    place.run(state=RunState.FAILED, handle=None, reason=why, finished=moment)
    result = al(project, "dev-00000001", *follow)
    told = (result.exit_code, result.stdout, result.stderr)
    assert told == (0, "", "dev-00000001 failed: no capacity\n")


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
        ("dev", "--after", "1h", "--before", "2h"),
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
