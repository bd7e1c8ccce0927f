"""`al config` as it is typed."""

import json
from pathlib import Path

import pytest

from tests.commands.program import al

PROJECT = """\
[models.sonnet]
provider = "anthropic"
model = "claude-sonnet-4.6"
maxTokens = 100
"""


def a_project(cwd: Path) -> Path:
    """With one agent, `dev`."""
    (cwd / "agents" / "dev").mkdir(parents=True)
    (cwd / "config.toml").write_text(PROJECT, encoding="utf-8")
    (cwd / "agents" / "dev" / "SKILL.md").write_text("Work.", encoding="utf-8")
    (cwd / "agents" / "dev" / "config.toml").write_text('models = ["sonnet"]', encoding="utf-8")
    return cwd


def test_explain_shows_the_value_the_winner_and_every_other_candidate(tmp_path: Path) -> None:
    """As JSON, with the reason for each."""
    done = al("config", "explain", "model", "--agent", "dev", "--json", cwd=a_project(tmp_path),
              LLM_PROVIDER="ollama", LLM_MODEL="qwen3:8b", AL_LLM_MODEL="llama3.2")  # fmt: skip
    (told,) = json.loads(done.stdout)["settings"]
    assert (told["key"], told["value"], told["standsFor"], told["origin"]) == (
        "llm.model",
        "llama3.2",
        "llama3.2:3b",
        "AL_LLM_MODEL",
    )
    assert [(o["value"], o["origin"], o["why"]) for o in told["shadowed"]] == [
        ("qwen3:8b", "LLM_MODEL", "a nearer place says otherwise"),
        ("claude-sonnet-4.6", "config.toml [models.sonnet]", "it is for anthropic"),
    ]


def test_explain_needs_no_project_and_no_agent(tmp_path: Path) -> None:
    done = al("config", "explain", cwd=tmp_path)
    assert done.returncode == 0
    assert "default: no API key found" in done.stdout


@pytest.mark.parametrize("words", [("explain",), ("explain", "--json"), ("list",), ("get", "key")])
def test_a_key_is_only_said_to_be_set(tmp_path: Path, words: tuple[str, ...]) -> None:
    """Whichever provider wins, and wherever it is from."""
    keys = {"ANTHROPIC_API_KEY": "hush-1", "OPENAI_API_KEY": "hush-2", "AL_LLM_API_KEY": "hush-3"}
    assert al("creds", "add", "groq_key", cwd=tmp_path, given="gsk_hush-4").returncode == 0
    done = al("config", *words, cwd=tmp_path, **keys)
    assert "set" in done.stdout
    assert "hush" not in done.stdout + done.stderr


def test_a_contradiction_is_explained_and_is_an_error(tmp_path: Path) -> None:
    """The table first, then what is wrong."""
    done = al("config", "explain", "--llm-model", "claude-opus-4.8", cwd=tmp_path,
              LLM_PROVIDER="ollama")  # fmt: skip
    assert done.returncode == 2
    assert "LLM_PROVIDER" in done.stdout
    assert "claude-opus-4.8 (--llm-model) is no model of ollama (LLM_PROVIDER)" in done.stderr


def test_what_is_set_is_used_and_can_be_forgotten(tmp_path: Path) -> None:
    """set, get, list, path, and set without a value."""
    assert al("config", "set", "llm.model", "qwen3:8b", cwd=tmp_path).returncode == 0
    assert al("config", "get", "llm.model", cwd=tmp_path).stdout == "qwen3:8b\n"
    where = Path(al("config", "path", cwd=tmp_path).stdout.strip())
    assert "qwen3:8b" in where.read_text(encoding="utf-8")
    listed = al("config", "list", "--json", cwd=tmp_path).stdout
    assert json.loads(listed)["llm.model"] == "qwen3:8b"
    al("config", "set", "llm.model", cwd=tmp_path)
    assert al("config", "get", "llm.model", cwd=tmp_path).stdout == "qwen2.5-coder:7b\n"


def test_a_setting_that_something_nearer_hides_says_so(tmp_path: Path) -> None:
    """It is written all the same."""
    done = al("config", "set", "model", "qwen3:8b", cwd=tmp_path, LLM_MODEL="llama3.2")
    assert "LLM_MODEL counts more: llm.model is llama3.2" in done.stderr


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("set", "llm.provider", "gemini"), "use one of: anthropic, openai"),
        (("set", "llm.model", "openai:"), "write openai:MODEL"),
        (("set", "llm.modle", "x"), "did you mean 'llm.model'?"),
        (("set", "llm.apiKey", "hush"), "al creds add"),
        (("get", "modle"), "did you mean 'llm.model'?"),
        (("explain", "--agent", "dve"), "did you mean 'dev'?"),
    ],
)
def test_a_mistake_is_refused_with_what_was_meant(
    tmp_path: Path, words: tuple[str, ...], error: str
) -> None:
    done = al("config", *words, cwd=a_project(tmp_path))
    assert done.returncode == 2
    assert error in done.stderr


def test_a_script_has_no_model_to_explain(tmp_path: Path) -> None:
    (a_project(tmp_path) / "agents/dev/test-script.sh").write_text("true", encoding="utf-8")
    done = al("config", "explain", "--agent", "dev", cwd=tmp_path)
    assert "runs its test-script.sh" in done.stderr
