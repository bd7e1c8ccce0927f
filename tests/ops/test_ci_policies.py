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


def given(words: list[str], option: str) -> str:
    return words[words.index(option) + 1]


def test_what_no_inline_policy_can_hold_is_attached(commands: list[list[str]]) -> None:
    """10,240 characters are the limit of a role's inline policies together
    (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html)."""
    done = [words[0] for words in commands]
    assert done[:4] == [
        "create-open-id-connect-provider",
        "create-role",
        *("create-policy", "attach-role-policy"),
    ]
    assert "put-role-policy" not in done


def test_each_part_is_printed_and_attached_under_one_name(commands: list[list[str]]) -> None:
    """Of at most 128 characters."""
    created = [words for words in commands if words[0] == "create-policy"]
    attached = [words for words in commands if words[0] == "attach-role-policy"]
    names = [given(words, "--policy-name") for words in created]
    asked = [given(words, "--policy-document").rpartition(" ")[2] for words in created]
    assert asked == [f"deploy-{number})" for number in range(1, len(created) + 1)]
    assert len(created) > 1
    assert [given(words, "--policy-arn") for words in attached] == [
        f"arn:aws:iam::123456789012:policy/{name}" for name in names
    ]
    assert max(map(len, names)) <= 128
