"""`al ci` as it is typed."""

import json
from pathlib import Path

import pytest

from tests.commands.program import al
from tests.ops.checkouts import project, repository

INIT = ("ci", "init", "github", "-E", "production", "--install", "x[aws,infra]")


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return repository(project(tmp_path / "shop"))


def test_it_shows_in_the_help(tmp_path: Path) -> None:
    """With one line."""
    assert "ci " in al("--help", cwd=tmp_path).stdout


def test_the_answer_can_be_pasted_into_a_shell(shop: Path) -> None:
    """Commands and comments on stdout; what is said about them on stderr."""
    done = al(*INIT, cwd=shop)
    assert done.returncode == 0, done.stderr
    first, *rest = done.stdout.splitlines()
    assert first == f"wrote {shop / '.github/workflows/al-deploy.yml'}"
    assert [line for line in rest if line.startswith("aws iam create-role --role-name ci-al-shop-")]
    assert "docs/ci.md" in done.stderr


def test_a_machine_gets_one_object(shop: Path) -> None:
    """With the trust policy and every command."""
    done = al(*INIT, "--json", "--ids", "1/2", "--plan-on-pr", cwd=shop)
    told = json.loads(done.stdout)
    assert (told["outcome"], told["repository"], told["branch"]) == ("created", "octo/shop", "main")
    assert list(told["trust"]) == [told["role"], told["plan_role"]]
    assert all(step["commands"] for step in told["steps"])


def test_a_second_time_is_up_to_date_and_another_wish_is_refused(shop: Path) -> None:
    """Exit code 1, and how to go on."""
    assert al(*INIT, cwd=shop).returncode == 0
    assert "is up to date" in al(*INIT, cwd=shop).stdout
    done = al(*INIT, "--branch", "stable", cwd=shop)
    assert (done.returncode, "--force" in done.stderr) == (1, True)


@pytest.mark.parametrize("words", [("-E", "sandbox"), ("-E", "local"), (), ("-E", "nowhere")])
def test_an_environment_that_is_none_of_aws_is_wrong_use(
    shop: Path, words: tuple[str, ...]
) -> None:
    """Exit code 2, nothing written, and no sandbox started for it."""
    done = al("ci", "init", "github", *words, cwd=shop)
    assert done.returncode == 2
    assert "al env init" in done.stderr
    assert not (shop / ".github").exists()
    assert not (shop / "home" / "sandbox").exists()


def test_warnings_are_told_apart_from_the_answer(shop: Path) -> None:
    """A profile of this machine is nothing for CI."""
    file = shop / "environments/production.toml"
    file.write_text(file.read_text().replace("[cloud]\n", '[cloud]\nprofile = "work"\n'))
    done = al(*INIT, cwd=shop)
    assert done.returncode == 0
    assert "warning: CI has no AWS profile 'work'" in done.stderr
    assert "profile" not in done.stdout
