"""`al hire`, `al up`, `al ps`, `al role` and `al down` as a user has them."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.commands.program import al, variables
from tests.fakes import eventually
from tests.ops.hire import forgejo
from toolkit.cli import cli
from toolkit.core.errors import AlError, UsageError
from toolkit.ops.load import load_services
from toolkit.scheduler import switches

SECONDS = 60.0
SERVER = ("--local-model", "http://127.0.0.1:9")  # nothing listens there


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AL_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    project = tmp_path / "shop"
    project.mkdir()
    (project / "config.toml").write_text('name = "shop"\n')
    return project


def asked(shop: Path, *words: str, stdin: str = "") -> Result:
    """In this process.  Raises what the command raises."""
    done = CliRunner().invoke(cli, [*words, "-p", str(shop)], input=stdin)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done


def scripted(shop: Path, *names: str) -> None:
    """Agents that need no model."""
    for name in names:
        asked(shop, "hire", name, "dev", *SERVER)
        script = shop / "agents" / name / "test-script.sh"
        script.write_text("#!/bin/sh\necho roles: $AGENT_ROLES\n")


def test_each_thing_is_a_line_and_the_start_command_is_the_last(shop: Path) -> None:
    """On stdout what was made; what to do next beside it."""
    done = asked(shop, "hire", "dev-qwen", "dev", *SERVER, "--model", "q")
    assert "section: made, [agents.dev-qwen] in config.toml" in done.stdout
    assert done.stderr.rstrip().endswith("start it: al up dev-qwen")


def test_of_one_that_is_up_it_is_not_said_how_to_start_it(shop: Path) -> None:
    """Its next run has what is new."""
    asked(shop, "hire", "dev-qwen", "dev", *SERVER)
    services = load_services(shop, "local", note=lambda _: None, offline=True)
    services.ledger.prepare()
    switches.begin(services.ledger, ["dev-qwen"])
    done = asked(shop, "hire", "dev-qwen", "dev", "--poll-interval", "9")
    assert "service: up" in done.stdout
    assert "start it" not in done.stderr


def test_a_server_that_does_not_answer_is_a_warning(shop: Path) -> None:
    """With its address and what is in the way; the agent is hired all the same."""
    done = asked(shop, "hire", "dev-qwen", "dev", *SERVER)
    assert "warning: http://127.0.0.1:9" in done.stderr
    assert done.exit_code == 0


def test_it_answers_in_json(shop: Path) -> None:
    """For programs."""
    found = json.loads(asked(shop, "hire", "dev-qwen", "dev", *SERVER, "--json").stdout)
    assert {"what": "account", "where": "the project has no [forge]", "how": "none made"} in found


@pytest.mark.parametrize(
    "words",
    [
        ("hire", "dev--qwen", "dev"),
        ("hire", "dev", "Dev"),
        ("hire", "dev", "dev", "--local-model", "gpu:8081"),
        ("hire", "dev", "dev", "--local-model", "http://me:secret@gpu:8081"),
        ("hire", "dev", "dev", "--model", ""),
        ("hire", "dev", "dev", "--keep-old", "soon"),
        ("hire", "dev", "dev", "--keep-old", "31d"),
        ("up", "--all", "dev"),
        ("up", "dev", "--foreground", "--json"),
    ],
)
def test_what_cannot_be_meant_changes_nothing(shop: Path, words: tuple[str, ...]) -> None:
    """It is a wrong use, exit code 2."""
    with pytest.raises(UsageError):
        asked(shop, *words)
    assert [path.name for path in shop.iterdir()] == ["config.toml"]


def test_the_administrator_s_token_comes_from_stdin(shop: Path) -> None:
    """It is on no command line, and in nothing that is shown."""
    with forgejo.serving() as forge:
        (shop / "config.toml").write_text(f'name = "shop"\n[forge]\nurl = "{forge.url}"\n')
        done = asked(shop, "hire", "dev", "dev", *SERVER, "--admin-token", "-", stdin=forgejo.ADMIN)
        assert forge.users.keys() == {"dev"}
    assert "--admin-token" in done.stderr
    assert forgejo.ADMIN not in done.output


def test_agents_that_are_not_up_are_listed_with_how_to_start_them(shop: Path) -> None:
    """A plain `al up` starts no scheduler for nobody."""
    scripted(shop, "one")
    done = asked(shop, "up")
    assert done.stdout == "one is not up: `al up one` starts it\n"
    assert not (shop / ".al" / "up-local.log").exists()


def test_the_table_shows_what_is_down_and_how_it_is_begun(shop: Path) -> None:
    """Name, roles, backend, state, and what to do."""
    scripted(shop, "one")
    head, row = asked(shop, "ps").stdout.splitlines()
    assert head.split() == [
        "NAME", "ROLES", "BACKEND", "STATE", "LAST", "RUN", "RESTARTS", "CREDENTIALS", "DETAIL",
    ]  # fmt: skip
    assert row.split() == ["one", "dev", "127.0.0.1:9", "down", "-", "0", "-", "al", "up", "one"]


def test_roles_are_turned_by_name(shop: Path) -> None:
    """And told with who has them."""
    scripted(shop, "one")
    asked(shop, "role", "disable", "dev")
    assert asked(shop, "role", "status").stdout.splitlines()[1].split() == ["dev", "off", "one"]
    told = json.loads(asked(shop, "role", "enable", "--all", "--json").stdout)
    assert told == [{"role": "dev", "on": True, "agents": ["one"]}]


def test_without_roles_it_is_said_how_one_gets_them(shop: Path) -> None:
    """A table of nothing would say nothing."""
    (shop / "agents" / "plain").mkdir(parents=True)
    (shop / "agents" / "plain" / "SKILL.md").write_text("Work.")
    (shop / "agents" / "plain" / "test-script.sh").write_text("true")
    done = asked(shop, "role", "status")
    assert (done.stdout, "al hire NAME ROLE" in done.stderr) == ("", True)


def test_what_would_be_done_can_be_seen_before(shop: Path) -> None:
    """On stdout, as it will be told when it is done; and nothing is."""
    seen = asked(shop, "hire", "dev-qwen", "dev", *SERVER, "--dry-run")
    assert [path.name for path in shop.iterdir()] == ["config.toml"]
    assert ("nothing is done" in seen.stderr, "start it" in seen.stderr) == (True, False)
    assert seen.stdout == asked(shop, "hire", "dev-qwen", "dev", *SERVER).stdout


def test_agents_that_are_wrong_can_be_left_out(shop: Path) -> None:
    """Without the option everything waits for the correction, which is told with its line."""
    scripted(shop, "one", "two")
    config = shop / "config.toml"
    config.write_text(config.read_text().replace("poll_interval = 60", "poll_interval = 0", 1))
    with pytest.raises(AlError, match=r"config\.toml:10: agents\.one\.pollInterval"):
        asked(shop, "ps")
    done = asked(shop, "ps", "--keep-going")
    assert "two" in done.stdout
    assert "agents.one.pollInterval" in done.stderr


def test_a_compose_file_is_printed_or_written(shop: Path) -> None:
    """Beside config.toml, with the directories that it mounts."""
    scripted(shop, "one")
    assert "agents-one" in asked(shop, "compose", "-o", "-").stdout
    assert not (shop / "compose.agents.yaml").exists()
    asked(shop, "compose")
    assert (shop / ".al" / "compose" / "one" / "data").is_dir()
    assert (shop / "compose.agents.yaml").is_file()


@pytest.fixture
def ended(shop: Path) -> Iterator[None]:
    """No scheduler is left behind, whatever a test does."""
    yield
    al("stop", "-E", "local", cwd=shop, AL_HOME=str(shop.parent / "home"))


@pytest.mark.usefixtures("ended")
def test_from_hiring_to_the_end_of_its_work(shop: Path) -> None:
    """Up begins a scheduler of its own and one run at once; down ends both, and nothing is removed."""
    scripted(shop, "one", "two")
    home = {"AL_HOME": str(shop.parent / "home")}
    up = al("up", "one", cwd=shop, **home)
    assert up.returncode == 0, up.stderr
    assert up.stdout.splitlines() == ["one is up", "two is not up: `al up two` starts it"]
    log = shop / ".al" / "up-local.log"
    eventually(lambda: " succeeded " in log.read_text(), seconds=SECONDS)
    rows = json.loads(asked(shop, "ps", "--json").stdout)
    assert [(row["name"], row["state"]) for row in rows] == [("one", "idle"), ("two", "down")]
    assert "roles: dev" in al("logs", "one", cwd=shop, **home).stdout
    down = al("down", cwd=shop, **home)
    assert down.stdout == "one is down\n"
    eventually(lambda: "have ended" in log.read_text(), seconds=SECONDS)
    assert "[agents.one]" in (shop / "config.toml").read_text()


def test_a_container_s_agent_is_the_process_itself(shop: Path, tmp_path: Path) -> None:
    """--foreground: with credentials that were handed over as files, and ended by SIGTERM."""
    scripted(shop, "one")
    handed = tmp_path / "handed"
    handed.mkdir()
    (handed / "github_token.one.token").write_text("ghp_value\n")
    log, home = tmp_path / "log", tmp_path / "inside"
    words = ["up", "one", "--foreground", "--process", "--handed", str(handed), "-H", "-E", "local"]
    with log.open("w") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "toolkit.cli", *words],
            cwd=shop,
            env=variables(home, PYTHONPATH=str(Path.cwd())),
            stdout=out,
            stderr=out,
        )
    try:
        eventually(lambda: " succeeded " in log.read_text(), seconds=SECONDS)
    finally:
        process.send_signal(signal.SIGTERM)
    assert process.wait(SECONDS) == 0
    assert (home / "credentials/github_token/one/token").read_text() == "ghp_value\n"
    assert "ghp_value" not in log.read_text()
