"""The environment alone: what works from an account needs no agents."""

from pathlib import Path

import pytest

from toolkit.config.load import load_environment
from toolkit.core.environment import AwsCloud, Environment
from toolkit.core.errors import ConfigError
from toolkit.ops.load import load_account

CLOUD = '[cloud]\nprovider = "ecs"\naccountId = "123456789012"\nregion = "us-east-1"\n'


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A project without agents, and an environment of it."""
    place = tmp_path / "shop"
    (place / "environments").mkdir(parents=True)
    (place / "config.toml").write_text('name = "shop"\n')
    (place / "environments" / "production.toml").write_text(CLOUD)
    return place


def loaded(shop: Path) -> Environment:
    return load_environment(shop, "production", home=shop.parent / "home", variables={})


def test_a_project_whose_agents_are_gone_still_has_its_environment(shop: Path) -> None:
    """Its name and its cloud are in the settings."""
    environment = loaded(shop)
    assert environment.scope.project == "shop"
    assert environment.cloud == AwsCloud(region="us-east-1", account="123456789012")


def test_an_agent_that_cannot_be_read_does_not_matter(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The project is left out, and why is said."""
    monkeypatch.setenv("AL_HOME", str(shop.parent / "home"))
    monkeypatch.delenv("AL_ENV", raising=False)
    (shop / "agents" / "broken").mkdir(parents=True)
    (shop / "agents" / "broken" / "SKILL.md").write_text("---\nname: broken\n---\n\nWork.\n")
    (shop / "agents" / "broken" / "config.toml").write_text("tmeout = 3\n")
    notes: list[str] = []
    services = load_account(shop, "production", note=notes.append)
    assert services.project is None
    assert services.environment.scope.project == "shop"
    assert "tmeout" in notes[0]


def test_what_is_wrong_with_the_environment_does_matter(shop: Path) -> None:
    """It says whose account is looked at."""
    (shop / "environments" / "production.toml").write_text('[cloud]\nprovider = "ecs"\n')
    with pytest.raises(ConfigError, match="accountId"):
        loaded(shop)


def test_a_directory_that_is_no_project_has_no_environment(tmp_path: Path) -> None:
    """Its name would be taken for the project's."""
    with pytest.raises(ConfigError, match="is not a project"):
        load_environment(tmp_path, "production", home=tmp_path / "home", variables={})
