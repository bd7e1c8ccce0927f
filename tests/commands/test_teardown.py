"""`al teardown` as it is typed, before any cloud is reached."""

from pathlib import Path

import pytest

from tests.commands.program import al

CLOUD = '[cloud]\nprovider = "ecs"\naccountId = "123456789012"\nregion = "us-east-1"\n'


def a_project(cwd: Path) -> Path:
    assert al("new", "shop", cwd=cwd).returncode == 0
    return cwd / "shop"


def test_this_machine_is_no_place_to_tear_down(tmp_path: Path) -> None:
    """Without -E the environment is `local`; the error says how to name another."""
    done = al("teardown", "-y", cwd=a_project(tmp_path))
    assert done.returncode == 2
    assert "nothing to tear down in 'local'" in done.stderr
    assert "-E production" in done.stderr


def test_an_environment_that_nobody_knows_is_wrong_use(tmp_path: Path) -> None:
    """Said once, with the known ones."""
    done = al("teardown", "-E", "nowhere", "-y", cwd=a_project(tmp_path))
    assert done.returncode == 2
    assert "no environment named 'nowhere'" in done.stderr


def test_a_project_that_was_renamed_is_asked_for_its_name(tmp_path: Path) -> None:
    """Before the account is looked at: under the new name nothing would be found there."""
    shop = a_project(tmp_path)
    (shop / ".al").mkdir(exist_ok=True)
    (shop / ".al" / "pushed.json").write_text('{"production": "store"}')
    (shop / "environments").mkdir(exist_ok=True)
    (shop / "environments" / "production.toml").write_text(CLOUD)
    done = al("teardown", "-E", "production", "-y", cwd=shop)
    assert done.returncode == 2
    assert "holds this project as 'store', and it is now called 'shop'" in done.stderr


@pytest.mark.parametrize("agent", ["hello*", "a:b", "-E"])
def test_a_pattern_is_no_agent_s_name(tmp_path: Path, agent: str) -> None:
    """It is refused before the account is asked for anything."""
    shop = a_project(tmp_path)
    (shop / "environments").mkdir(exist_ok=True)
    (shop / "environments" / "production.toml").write_text(CLOUD)
    done = al("teardown", "-y", "-E", "production", "--", agent, cwd=shop)
    assert done.returncode == 2
    assert f"{agent!r} is not an agent name" in done.stderr
