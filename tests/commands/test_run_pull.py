"""`al run` with a model that Ollama has not: pulled with consent, another size with leave, else told."""

import json
from pathlib import Path

from tests.commands.program import Terminal, al
from tests.commands.test_llm import a_project
from tests.fixtures.llm_server import LlmServer, Turn, llm_server

SHOWN = {"model_info": {"qwen2.context_length": 32768}}


def serving(*names: str) -> dict[str, object]:
    """What a server says that has these models."""
    tags = {"models": [{"name": name, "size": 1} for name in names]}
    return {"/api/version": {"version": "0.13.5"}, "/api/tags": tags, "/api/show": SHOWN}


def asked(server: LlmServer) -> set[str]:
    return {body["model"] for body in server.requests}


def test_another_size_is_in_the_request_and_in_the_record(tmp_path: Path) -> None:
    """Not only in what is said of it."""
    with llm_server(Turn(text="done"), facts=serving("qwen2.5-coder:1.5b")) as server:
        a_project(tmp_path, server.root)
        done = al("run", "dev", "-E", "local", "--allow-compatible", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert asked(server) == {"qwen2.5-coder:1.5b"}
    assert "qwen2.5-coder:1.5b is used instead" in done.stderr
    (log,) = (tmp_path / ".al" / "logs").glob("*.log")
    (begun,) = [json.loads(line) for line in log.read_text().splitlines() if "creating agent session" in line]  # fmt: skip
    assert begun["model"] == "qwen2.5-coder:1.5b"


def test_at_a_terminal_the_user_is_asked_and_no_is_no(tmp_path: Path) -> None:
    """With the size; nothing is pulled then, and nothing runs."""
    with llm_server(Turn(text="never"), facts=serving("llama3.2:3b")) as server:
        a_project(tmp_path, server.root)
        terminal = Terminal("run", "dev", "-E", "local", cwd=tmp_path)
        terminal.answer("Pull qwen2.5-coder:7b, about 4.7 GB?", "n")
        assert terminal.end() == 1
    assert "/api/pull" not in server.asked
    assert server.requests == []


def test_with_consent_beforehand_nobody_is_asked(tmp_path: Path) -> None:
    """In CI, for instance; what the server cannot pull ends it, with the server's words."""
    with llm_server(Turn(text="never"), facts=serving("llama3.2:3b")) as server:
        a_project(tmp_path, server.root)
        done = al("run", "dev", "-E", "local", "--pull", cwd=tmp_path)
    assert "/api/pull" in server.asked
    assert done.returncode == 1
    assert "pulling qwen2.5-coder:7b, about 4.7 GB" in done.stderr
    assert "not found" in done.stderr
