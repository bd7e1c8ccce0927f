"""What files that change come to: which agents are made ready again, when, and what is said of it."""

from dataclasses import replace
from pathlib import Path

import pytest

from toolkit.config.problems import ConfigErrors, Problem
from toolkit.core.agent import Agent, AgentName, Project
from toolkit.core.environment import Environment, Scope
from toolkit.core.errors import ConfigError
from toolkit.ops.start.reload import (
    Changes,
    Reloader,
    Stamps,
    changed,
    differing,
    removed,
    sentences,
    stamps,
    touched,
)

HERE = Environment(name="local", scope=Scope(project="shop", environment="local"))


def agent(name: str, instructions: str = "Work.", schedule: str | None = None) -> Agent:
    where = Path("agents") / name
    return Agent(
        name=AgentName(name), directory=where, instructions=instructions, schedule=schedule
    )


def project(*agents: Agent) -> Project:
    return Project(name="shop", directory=Path(), agents=agents)


SHOP = project(agent("dev"), agent("ops"))


class Files:
    """Files whose state is set by hand; `projects` is what reading them gives, the last one again and again."""

    def __init__(self, *projects: Project | ConfigError) -> None:
        self.now: Stamps = {}
        self.projects = [SHOP, *projects]
        self.environment = HERE
        self.became: list[tuple[Project, frozenset[str]]] = []
        self.changes = Changes(lambda: self.now)
        self.reloader = Reloader(
            self.load, lambda p, paths: self.became.append((p, paths)), self.changes, HERE
        )
        self.load()

    def load(self) -> tuple[Project, Environment]:
        found = self.projects.pop(0) if len(self.projects) > 1 else self.projects[0]
        if isinstance(found, ConfigError):
            raise found
        return found, self.environment

    def write(self, path: str, at: float) -> None:
        """A file is written, and what watches looks at once."""
        self.now = {**self.now, path: (int(at * 1000), 1, 1)}
        self.reloader.look(at)


def test_nothing_happens_until_the_files_have_come_to_rest() -> None:
    """A second write within half a second puts it off; then both are acted on together."""
    files = Files(SHOP)
    files.write("agents/dev/SKILL.md", 0.0)
    files.write("agents/ops/SKILL.md", 0.4)
    files.reloader.look(0.8)
    assert files.became == []
    files.reloader.look(0.9)
    assert files.became == [(SHOP, frozenset({"agents/dev/SKILL.md", "agents/ops/SKILL.md"}))]
    files.reloader.look(5.0)
    assert len(files.became) == 1


def test_what_could_not_be_read_is_made_good_with_the_next_change() -> None:
    """A correction in one file also brings what was changed in the others meanwhile."""
    files = Files(ConfigError("dev: no", hint="correct it"), SHOP)
    files.write("agents/dev/config.toml", 0.0)
    files.reloader.look(1.0)
    assert (files.became, files.reloader.trouble) == ([], "dev: no")
    files.write("config.toml", 2.0)
    files.reloader.look(3.0)
    assert files.became == [(SHOP, frozenset({"agents/dev/config.toml", "config.toml"}))]
    assert files.reloader.trouble == ""


@pytest.mark.parametrize("count", [1, 2])
def test_nobody_is_told_to_run_a_command_again(
    count: int, caplog: pytest.LogCaptureFixture
) -> None:
    """The files are read again by themselves; the remedy of a single mistake is worth saying."""
    wrong = Problem(file="config.toml", key="scale", message="must be a number", remedy="write one")
    files = Files(ConfigErrors([replace(wrong, key=f"scale{n}") for n in range(count)]))
    files.write("config.toml", 0.0)
    files.reloader.look(1.0)
    assert "what was changed is not used" in caplog.text
    assert "write one" in caplog.text
    assert "command again" not in caplog.text


def test_another_place_to_run_is_said_to_need_a_restart(caplog) -> None:  # type: ignore[no-untyped-def]
    """Where agents run is settled when it starts, and saying nothing would be a lie."""
    files = Files(SHOP)
    files.environment = replace(HERE, local_process=True)
    files.write("config.toml", 0.0)
    files.reloader.look(1.0)
    assert "takes effect when `al start` begins anew" in caplog.text


def test_an_agents_own_files_concern_it_and_shared_ones_all() -> None:
    """Files beside the agents' directories, and the configuration, make no agent anew by themselves."""
    assert touched(SHOP, ["agents/dev/SKILL.md", "config.toml", "agents/README.md"]) == {"dev"}
    assert touched(SHOP, ["shared/style.md"]) == {"dev", "ops"}


def test_an_agent_whose_settings_are_others_is_made_anew() -> None:
    """Also when they come from the project's own file."""
    after = project(agent("dev", schedule="* * * * *"), agent("new"))
    assert differing(SHOP, after) == {"dev", "new"}
    assert removed(SHOP, after) == ("ops",)


def test_changes_are_told_in_a_sentence_each() -> None:
    """Who came, who went, and in what the others differ."""
    after = project(agent("dev", "Rest.", "* * * * *"), agent("new"))
    assert list(sentences(SHOP, after, [])) == [
        "dev was changed: schedule, instructions",
        "new was added",
        "ops was removed",
    ]
    assert list(sentences(SHOP, SHOP, ["agents/ops/run.sh"])) == ["ops was changed"]


def test_files_are_known_by_time_length_and_identity(tmp_path: Path) -> None:
    """Added, written, replaced and removed files are seen; hidden ones and the run's own are not."""
    (tmp_path / "agents" / "dev").mkdir(parents=True)
    (tmp_path / ".al").mkdir()
    skill = tmp_path / "agents" / "dev" / "SKILL.md"
    skill.write_text("one")
    before = stamps(tmp_path, tmp_path / "home")
    skill.write_text("three")
    (tmp_path / "agents" / "dev" / ".SKILL.md.swp").touch()
    (tmp_path / ".al" / "action-llama.db").touch()
    (tmp_path / "config.toml").touch()
    after = stamps(tmp_path, tmp_path / "home")
    assert changed(before, after) == {"agents/dev/SKILL.md", "config.toml"}
    skill.unlink()
    assert changed(after, stamps(tmp_path, tmp_path / "home")) == {"agents/dev/SKILL.md"}
