"""Environment files: skeletons, the list, the project's binding."""

import tomllib
from pathlib import Path

import pytest

from toolkit.core.errors import AlreadyExists, ConfigError
from toolkit.ops import env


@pytest.mark.parametrize("kind", env.SKELETONS)
def test_a_skeleton_is_toml_that_says_what_to_replace(tmp_path: Path, kind: str) -> None:
    """Each kind of environment starts from a file that parses and names its gaps."""
    path = env.init(tmp_path, "production", kind)
    assert tomllib.loads(path.read_text())["cloud"]["provider"] == kind
    assert "REPLACE_ME" in path.read_text()


def test_an_environment_is_never_overwritten(tmp_path: Path) -> None:
    """The second `env init` of a name points to the file that is there."""
    env.init(tmp_path, "production", "ecs")
    with pytest.raises(AlreadyExists, match="production"):
        env.init(tmp_path, "production", "ecs")


@pytest.mark.parametrize("name", ["", "Prod", "-a", "a-", "a" * 51, "../a", "local", "sandbox"])
def test_a_name_that_cannot_be_is_refused(tmp_path: Path, name: str) -> None:
    """Names become parts of resource names and files; built-in ones are taken."""
    with pytest.raises(ConfigError):
        env.init(tmp_path, name, "ecs")
    assert not (tmp_path / "environments").exists()


def test_binding_keeps_every_other_line(tmp_path: Path) -> None:
    """Only the top-level `environment` changes; comments and a table's own `environment` stay."""
    file = tmp_path / ".env.toml"
    file.write_text(
        '# mine\nenvironment = "old"\nprojectName = "p"\n\n[telemetry]\nenvironment = "kept"\n'
    )
    env.bind(tmp_path, "staging")
    read = tomllib.loads(file.read_text())
    assert read == {
        "environment": "staging",
        "projectName": "p",
        "telemetry": {"environment": "kept"},
    }
    assert "# mine" in file.read_text()


def test_unbinding_takes_the_line_out(tmp_path: Path) -> None:
    """Without a name the project is bound to nothing."""
    env.bind(tmp_path, "staging")
    env.bind(tmp_path, None)
    assert tomllib.loads((tmp_path / ".env.toml").read_text()) == {}


@pytest.mark.parametrize("name", ['Bad Name"x', "", "a\nb", "../x"])
def test_what_is_no_name_is_not_written(tmp_path: Path, name: str) -> None:
    """A quote in it would make the file unreadable, and every verb with it."""
    (tmp_path / ".env.toml").write_text('environment = "staging"\n')
    with pytest.raises(ConfigError, match="is not an environment name"):
        env.bind(tmp_path, name)
    assert (tmp_path / ".env.toml").read_text() == 'environment = "staging"\n'


def test_the_list_has_the_built_in_and_every_file(tmp_path: Path) -> None:
    """Home and project are both looked at."""
    home, project = tmp_path / "home", tmp_path / "project"
    env.init(home, "production", "ecs")
    (project / "environments").mkdir(parents=True)
    (project / "environments" / "shared.toml").write_text("")
    assert [name for name, _ in env.listed(home, project)] == [
        "local",
        "sandbox",
        "sandbox-gcp",
        "production",
        "shared",
    ]
