"""`al new` makes a project that loads, and overwrites nothing."""

import os
from pathlib import Path

import pytest

from toolkit.config.load import load_project
from toolkit.core.errors import UsageError
from toolkit.ops import new


def create(directory: Path, provider: str = "anthropic", model: str | None = None) -> list[Path]:
    return list(new.create(directory, provider=provider, model=model))


def test_a_new_project_loads_and_shows_both_runtimes(tmp_path: Path) -> None:
    """One agent is short enough for Lambda, the other is not; both run without a key."""
    create(tmp_path / "Web Shop")
    project = load_project(tmp_path / "Web Shop")
    assert project.name == "web-shop"
    assert [(a.name, a.timeout, a.script) for a in project.agents] == [
        ("hello", 300, True),
        ("report", 3600, True),
    ]


def test_scripts_can_be_executed_and_gitignore_is_hidden(tmp_path: Path) -> None:
    """Modes and names are right on disk."""
    create(tmp_path / "shop")
    assert os.access(tmp_path / "shop/agents/hello/test-script.sh", os.X_OK)
    assert ".env.toml" in (tmp_path / "shop/.gitignore").read_text()


def test_files_that_are_there_are_left_alone(tmp_path: Path) -> None:
    """`al new` in an existing project adds what is missing and changes nothing."""
    create(tmp_path / "shop")
    (tmp_path / "shop/config.toml").write_text('name = "mine"\n')
    assert create(tmp_path / "shop") == []
    assert (tmp_path / "shop/config.toml").read_text() == 'name = "mine"\n'


def test_provider_and_model_are_written(tmp_path: Path) -> None:
    """The chosen model gets a short name; a headless project never needs a login on this machine."""
    create(tmp_path / "shop", provider="openai", model="gpt-4o")
    model = load_project(tmp_path / "shop").models["gpt4o"]
    assert (model.provider, model.model, model.auth_type, model.thinking_level) == (
        "openai",
        "gpt-4o",
        "api_key",
        None,
    )


def test_a_provider_without_a_default_needs_a_model(tmp_path: Path) -> None:
    """Nothing is guessed."""
    with pytest.raises(UsageError, match="groq"):
        create(tmp_path / "shop", provider="groq")


def test_a_directory_that_makes_no_name_is_refused(tmp_path: Path) -> None:
    """The project's name is part of every resource name."""
    with pytest.raises(UsageError):
        create(tmp_path / "___")
