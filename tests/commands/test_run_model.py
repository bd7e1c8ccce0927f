"""`al run` with a model on this machine: what the session really gets, over HTTP, from every place that has a say."""

import json
import os
from pathlib import Path

import pytest

from tests.commands.program import al
from tests.fixtures.llm_server import LlmServer, Turn, llm_server

KEY = "sk-ant-hush-0123456789"
HERE = '[local]\nruntime = "process"\n'
CLAUDE = '[model]\nprovider = "anthropic"\nmodel = "claude-opus-4.5"\nbaseUrl = "{root}"\n'


def a_project(cwd: Path, text: str = "", own: str = "") -> Path:
    """One agent, `dev`, whose model may run on the bare machine."""
    (cwd / "agents" / "dev").mkdir(parents=True)
    (cwd / "config.toml").write_text(text + HERE, encoding="utf-8")
    (cwd / "agents" / "dev" / "SKILL.md").write_text("Work.", encoding="utf-8")
    (cwd / "agents" / "dev" / "config.toml").write_text(own, encoding="utf-8")
    return cwd


def left_behind(project: Path, text: str) -> list[str]:
    """The files, of the project and of the home in it, that hold `text`."""
    files = (Path(root) / name for root, _, names in os.walk(project) for name in names)
    return [str(file) for file in files if text.encode() in file.read_bytes()]


def asked(server: LlmServer) -> tuple[str, str]:
    """The model and the key of the last request."""
    return server.requests[-1]["model"], server.keys[-1]


def test_an_agent_without_any_setting_works_with_a_local_model(tmp_path: Path) -> None:
    """No model, no key, no file: Ollama, here at another address."""
    with llm_server(Turn(text="done")) as server:
        done = al("run", "dev", "-E", "local", cwd=a_project(tmp_path), LLM_BASE_URL=server.root)
    assert done.returncode == 0, done.stderr
    assert asked(server)[0] == "qwen2.5-coder:7b"
    assert f"base_url={server.root} (LLM_BASE_URL)  key=not needed" in done.stderr
    assert "; 15 tokens; its secret" in done.stderr  # of a model at home nobody knows the price


@pytest.mark.parametrize(
    ("words", "given", "more"),
    [
        (("--anthropic-key", "-"), KEY, {}),
        (("--anthropic-key", "@key.txt"), "", {}),
        (("--anthropic-key", "env:MINE"), "", {"MINE": KEY}),
        (("--anthropic-key", KEY), "", {}),
        ((), "", {"ANTHROPIC_API_KEY": KEY}),
    ],
    ids=["stdin", "file", "variable by name", "typed", "the provider's variable"],
)
def test_a_key_reaches_the_session_and_nothing_else(
    tmp_path: Path, words: tuple[str, ...], given: str, more: dict[str, str]
) -> None:
    """Not the log, the ledger, the state, or what is printed; and it comes before the one that is stored."""
    with llm_server(Turn(text=f"I saw {KEY}")) as server:
        project = a_project(tmp_path, CLAUDE.format(root=server.root))
        al("creds", "add", "anthropic_key", cwd=project, given="sk-ant-stored")
        (project / "key.txt").write_text(KEY, encoding="utf-8")
        done = al("run", "dev", "-E", "local", *words, cwd=project, given=given, **more)
        (project / "key.txt").unlink()
    assert done.returncode == 0, done.stderr
    assert asked(server) == ("claude-opus-4-5-20251101", f"Bearer {KEY}")
    assert "hush" not in done.stdout + done.stderr
    assert left_behind(project, KEY) == []


def test_a_typed_key_is_warned_of_once(tmp_path: Path) -> None:
    """Others can see it in the list of processes."""
    with llm_server(Turn(text="done")) as server:
        project = a_project(tmp_path, CLAUDE.format(root=server.root))
        done = al("run", "dev", "-E", "local", "--anthropic-key", KEY, cwd=project)
    assert done.stderr.count("is seen in process lists") == 1


def test_the_agent_s_own_tools_see_neither_key_nor_setting(tmp_path: Path) -> None:
    """The whole environment of a command that the model runs."""
    script = (Turn(tools=[("bash", {"command": "env; cat /proc/$PPID/cmdline"})]), Turn(text="ok"))
    with llm_server(*script) as server:
        project = a_project(tmp_path, CLAUDE.format(root=server.root))
        done = al("run", "dev", "-E", "local", cwd=project,
                  ANTHROPIC_API_KEY=KEY, AL_LLM_MAX_TOKENS="77")  # fmt: skip
    assert done.returncode == 0, done.stderr
    seen = json.dumps(server.requests[1]["messages"][-1])
    assert "AL_RUN_ID" in seen
    assert [name for name in ("hush", "ANTHROPIC", "LLM_") if name in seen] == []
    assert server.requests[1]["max_tokens"] == 77


def test_one_definition_works_with_either_provider(tmp_path: Path) -> None:
    """The agent's files stay as they are."""
    with llm_server(Turn(text="done")) as server:
        project = a_project(tmp_path, CLAUDE.format(root=server.root))
        hosted = al("run", "dev", "-E", "local", cwd=project, ANTHROPIC_API_KEY=KEY)
        first = asked(server)
        local = al("run", "dev", "-E", "local", "--llm-provider", "ollama", cwd=project,
                   ANTHROPIC_API_KEY=KEY, LLM_BASE_URL=server.root)  # fmt: skip
    assert (hosted.returncode, local.returncode) == (0, 0), local.stderr
    assert first == ("claude-opus-4-5-20251101", f"Bearer {KEY}")
    assert asked(server)[0] == "qwen2.5-coder:7b"
    assert KEY not in asked(server)[1]
    assert "not used, because the provider is ollama (--llm-provider): model claude" in local.stderr


def test_fall_backs_stay_unless_another_model_is_asked_for(tmp_path: Path) -> None:
    """Each with the key of its own provider."""
    with llm_server(Turn(status=429)) as busy, llm_server(Turn(text="done")) as other:
        text = (
            f'[models.first]\nprovider = "anthropic"\nmodel = "claude-opus-4.5"\nbaseUrl = "{busy.root}"\n'
            f'[models.second]\nprovider = "openai"\nmodel = "gpt-4o"\nbaseUrl = "{other.url}"\n'
        )
        project = a_project(tmp_path, text, 'models = ["first", "second"]')
        keys = {"ANTHROPIC_API_KEY": KEY, "OPENAI_API_KEY": "sk-second"}
        both = al("run", "dev", "-E", "local", cwd=project, **keys)
        asked_for = al("run", "dev", "-E", "local", "--llm-provider", "ollama", cwd=project,
                       LLM_BASE_URL=other.root, **keys)  # fmt: skip
    assert (both.returncode, asked_for.returncode) == (0, 0), both.stderr
    assert (asked(busy), other.keys[0]) == (
        ("claude-opus-4-5-20251101", f"Bearer {KEY}"),
        "Bearer sk-second",
    )
    assert "fall-backs are not used in this run: second" in asked_for.stderr


@pytest.mark.parametrize(
    ("words", "variables", "error"),
    [
        ((), {}, "anthropic needs a key, and there is none"),
        (
            ("--llm-model", "gpt-4o"),
            {"LLM_PROVIDER": "ollama"},
            "gpt-4o (--llm-model) is no model of ollama (LLM_PROVIDER)",
        ),
        (("--llm-provider", "gemini"), {}, "no LLM provider named 'gemini'"),
        (("--anthropic-key", "@nowhere"), {}, "'nowhere' cannot be read"),
        (("--anthropic-key", "env:NOBODY"), {}, "the variable NOBODY is not set"),
        ((), {"AL_LLM_MAX_TOKENS": "many"}, "AL_LLM_MAX_TOKENS: 'many'"),
    ],
)
def test_what_cannot_work_stops_before_anything_is_made(
    tmp_path: Path, words: tuple[str, ...], variables: dict[str, str], error: str
) -> None:
    """No run is recorded, and nobody is asked."""
    with llm_server(Turn(text="done")) as server:
        project = a_project(tmp_path, CLAUDE.format(root=server.root))
        done = al("run", "dev", "-E", "local", *words, cwd=project, **variables)
    assert done.returncode != 0
    assert error in done.stderr
    assert (server.requests, (project / ".al").exists()) == ([], False)


def test_a_script_takes_no_model(tmp_path: Path) -> None:
    """Rather than an option that has no effect."""
    project = a_project(tmp_path)
    (project / "agents/dev/test-script.sh").write_text("true", encoding="utf-8")
    done = al("run", "dev", "-E", "local", "--llm-provider", "ollama", cwd=project)
    assert done.returncode == 2
    assert "runs its test-script.sh, and no model" in done.stderr


def test_the_bare_machine_is_refused_before_a_key_is_asked_for(tmp_path: Path) -> None:
    """Whoever must change the runtime first need not look for a key."""
    project = a_project(tmp_path, CLAUDE.format(root="http://127.0.0.1:9"))
    text = (project / "config.toml").read_text(encoding="utf-8").replace(HERE, "")
    (project / "config.toml").write_text(text, encoding="utf-8")
    done = al("run", "dev", "-E", "local", cwd=project)
    assert "on the bare host only test-script.sh may run" in done.stderr


def test_a_provider_of_the_user_s_own_is_asked(tmp_path: Path) -> None:
    """Its address, its API, its key and its name for the model, from the user's file."""
    with llm_server(Turn(text="done")) as server:
        project = a_project(tmp_path)
        (project / "home").mkdir()
        (project / "home" / "config.toml").write_text(
            f'[llm]\nprovider = "corp"\nmodel = "big"\n[llm.names.corp]\nbig = "corp-big-2"\n'
            f'[llm.providers.corp]\nbaseUrl = "{server.root}"\nwire = "anthropic"\n',
            encoding="utf-8",
        )
        al("creds", "add", "custom_key:corp", cwd=project, given="corp-key")
        done = al("run", "dev", "-E", "local", cwd=project)
    assert done.returncode == 0, done.stderr
    assert asked(server) == ("corp-big-2", "Bearer corp-key")
