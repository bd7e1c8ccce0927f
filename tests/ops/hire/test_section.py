"""`[agents.NAME]` is written so that nothing else of the file changes."""

import tomllib

import pytest

from toolkit.core.errors import ConfigError
from toolkit.ops.hire.section import Section, read, written

MINE = """\
# my project
name = "shop"  # its name

[agents.dev-qwen]
baseUrl = "http://10.0.0.1:8081"
model = "q"
roles = ["dev"]       # and more to come
compactPct = 45       # this model forgets
poll_interval = 60
timeout = 7200

[local]
timeout = 9
"""
NAME = "dev-qwen"


def test_a_new_section_has_what_a_local_model_needs() -> None:
    """Server, model, the placeholder for a key, role, account, and both defaults of 60."""
    text = written("", Section(name=NAME, role="dev", base_url="http://h:1"))
    assert tomllib.loads(text)["agents"][NAME] == {
        "base_url": "http://h:1",
        "model": "local-model",
        "api_key": "sk-no-key-required",
        "compact_pct": 60,
        "roles": ["dev"],
        "forge_user": NAME,
        "poll_interval": 60,
    }


def test_a_hosted_agent_gets_a_section_too_with_a_key_of_its_own() -> None:
    """No address is written, and the key's instance is the agent's name."""
    section = read(written("", Section(name="rev", role="review")), "rev")
    assert section["model"]["credential"] == "rev"
    assert "base_url" not in section


def test_the_same_again_changes_no_byte() -> None:
    """Whatever spelling the keys have."""
    asked = Section(name=NAME, role="dev", base_url="http://10.0.0.1:8081", model="q")
    assert written(MINE, asked) == MINE


def test_what_is_asked_for_twice_is_written_once() -> None:
    """Also by ourselves."""
    asked = Section(name="new", role="dev", base_url="http://h:1")
    once = written(MINE, asked)
    assert written(once, asked) == once


@pytest.mark.parametrize(
    ("asked", "old", "new"),
    [
        (Section(name=NAME, role="dev", poll_interval=90), "poll_interval = 60", "poll_interval = 90"),
        (Section(name=NAME, role="dev", model="r"), 'model = "q"', 'model = "r"'),
        (
            Section(name=NAME, role="dev", base_url="http://h:2"),
            'baseUrl = "http://10.0.0.1:8081"',
            'baseUrl = "http://h:2"',
        ),
        (Section(name=NAME, role="review"), '["dev"]       #', '["dev", "review"]       #'),
    ],
)  # fmt: skip
def test_one_flag_changes_one_line(asked: Section, old: str, new: str) -> None:
    """Comments, spellings, order and everything set by hand stay."""
    assert written(MINE, asked) == MINE.replace(old, new)


def test_an_interval_never_becomes_a_percentage() -> None:
    """Of the two numbers that are both 60 by default, each is changed alone."""
    section = read(written(MINE, Section(name=NAME, role="dev", poll_interval=30)), NAME)
    assert (section["poll_interval"], section["compact_pct"]) == (30, 45)


def test_another_model_of_a_hosted_agent_keeps_its_key() -> None:
    """Only the model's name changes."""
    before = written("", Section(name="rev", role="review"))
    after = read(written(before, Section(name="rev", role="review", model="claude-x")), "rev")
    assert after["model"] == {"provider": "anthropic", "model": "claude-x", "credential": "rev"}


def test_a_hosted_agent_can_become_a_local_one() -> None:
    """The provider's table goes with the provider."""
    before = written("", Section(name="rev", role="review"))
    after = read(written(before, Section(name="rev", role="review", base_url="http://h:1")), "rev")
    assert (after["model"], after["base_url"]) == ("local-model", "http://h:1")


@pytest.mark.parametrize("text", ['agents = { old = { timeout = 5 } }\n', "[agents]\nold.timeout = 5\n"])  # fmt: skip
def test_agents_may_be_written_in_any_way_that_toml_has(text: str) -> None:
    """The section is found again wherever it had to go."""
    made = written(text, Section(name="rev", role="review"))
    assert tomllib.loads(made)["agents"].keys() == {"old", "rev"}


def test_a_file_that_is_no_toml_is_left_alone() -> None:
    """It is said, with the line."""
    with pytest.raises(ConfigError, match="line 1"):
        written("name = \n", Section(name="rev", role="review"))
