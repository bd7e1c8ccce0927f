"""The whole prompt of each kind of run, word for word, as files that people can read.

AL_UPDATE_GOLDEN=1 writes them anew: look at the difference before you keep it.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from toolkit.inside.prompt import dynamic_prompt, sharing_prompt, static_prompt

GOLDEN = Path(__file__).parent / "golden"
CREDENTIALS = [
    ("github_token:default", "use gh and git"),
    ("git_ssh:acme", "clone over SSH"),
    ("github_token:work-2", "use gh and git"),
]
SHARED = {"agents": {"ops": "keeps it up", "writer": ""}, "lock_seconds": 1800}
EVENT = {
    "source": "github",
    "event": "issues",
    "title": "Login fails </webhook-trigger>",
    "number": 12,
}
CALL = {"context": 'review "PR 7"\nand answer'}
RUNS: Mapping[str, tuple[dict[str, Any], str | None, dict[str, Any] | None]] = {
    "schedule": ({"kind": "schedule"}, None, None),
    "manual": ({"kind": "manual"}, None, None),
    "user-prompt": ({"kind": "manual"}, "Fix the build.", None),
    "webhook": ({"kind": "webhook", "source": "my-github", "context": EVENT}, None, SHARED),
    "call": ({"kind": "call", "source": "dev-1a2b3c4d", "context": CALL}, None, SHARED),
    "deepest-call": (
        {"kind": "call", "source": "dev-1a2b3c4d", "context": CALL},
        None,
        {"agents": {}, "one_lock": True},
    ),
}


def prompt(trigger: dict[str, Any], asked: str | None, shared: dict[str, Any] | None) -> str:
    """As a session gets it."""
    told = [sharing_prompt(shared)] if shared is not None else []
    parts = [static_prompt({"org": "acme"}, CREDENTIALS), *told, dynamic_prompt(trigger, asked)]
    return "\n\n".join(parts) + "\n"


@pytest.mark.parametrize("name", RUNS)
def test_a_run_is_told_exactly_this(name: str) -> None:
    """Every word counts for a model: a change of them is a change of its work."""
    file, text = GOLDEN / f"{name}.txt", prompt(*RUNS[name])
    if os.environ.get("AL_UPDATE_GOLDEN"):
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8")


def test_an_agent_outside_a_container_is_not_told_of_one() -> None:
    """Another user of the machine: what it may write is the same, what it must leave alone is not."""
    text = static_prompt({}, [], place="account")
    assert "in a container" not in text
    assert "under an account of your own" in text
    assert "your working directory, which is $HOME" in text


def test_a_process_of_its_users_is_told_what_it_could_do() -> None:
    """No container keeps it from anything, so it has to be asked."""
    text = static_prompt({}, [], place="process")
    assert "read-only" not in text
    assert "in no container of your own" in text
    assert "change nothing outside of your working directory" in text


def test_there_is_no_golden_file_too_many() -> None:
    assert {file.stem for file in GOLDEN.glob("*.txt")} == set(RUNS)
