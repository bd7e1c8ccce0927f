"""How the role of CI gets what it may do: in one inline policy, or in managed ones where that would be too long."""

import shlex
from pathlib import Path

import pytest

from tests.ops.checkouts import ENVIRONMENT, project, repository
from toolkit.ops import ci

PROJECT, LONG = "p" * 40, "e" * 45


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Those of a project and an environment with the longest names."""
    monkeypatch.setenv("AL_HOME", str(tmp_path / "home"))
    shop = project(tmp_path / "shop")
    (shop / "config.toml").write_text(f'name = "{PROJECT}"\n')
    (shop / f"environments/{LONG}.toml").write_text(ENVIRONMENT)
    written = ci.github(repository(shop), ci.Wish(env=LONG, install="x[aws,infra]"))
    said = [shlex.split(command) for step in written.steps for command in step.commands]
    return [words[2:] for words in said if words[:2] == ["aws", "iam"]]


def test_what_no_inline_policy_can_hold_is_attached(commands: list[list[str]]) -> None:
    """10,240 characters are the limit of a role's inline policies together
    (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html)."""
    assert [words[0] for words in commands] == [
        "create-open-id-connect-provider",
        "create-role",
        *("create-policy", "attach-role-policy"),
        *("create-policy", "attach-role-policy"),
    ]


def test_each_part_is_printed_and_attached_under_one_name(commands: list[list[str]]) -> None:
    """Of at most 128 characters."""
    for number, (create, attach) in enumerate(((2, 3), (4, 5)), 1):
        name = commands[create][2]
        assert commands[create][4].endswith(f"--operator-policy deploy-{number})")
        assert commands[attach][4] == f"arn:aws:iam::123456789012:policy/{name}"
        assert len(name) <= 128
