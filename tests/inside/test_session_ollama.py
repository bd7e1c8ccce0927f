"""Ollama in its own API: what is really in the body, and what its windows come to."""

from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.llm_server import LlmServer, Turn, llm_server
from tests.inside.talks import bash, talk

SHOWN = {"model_info": {"qwen2.context_length": 32768}, "parameters": "temperature 0.7"}


def qwen(server: LlmServer, **more: Any) -> dict[str, Any]:
    return {"name": "m", "provider": "ollama", "model": "qwen2.5-coder", "baseUrl": server.root, **more}  # fmt: skip


def test_limits_are_sent_in_its_own_words(tmp_path: Path) -> None:
    """max_tokens is num_predict, the window is num_ctx; and no prompt is cut."""
    options = {"max_tokens": 2048, "context_window": 8192, "temperature": 0.1, "num_gpu": 1}
    with llm_server(Turn(text="ok"), facts={"/api/show": SHOWN}) as server:
        assert talk(tmp_path, qwen(server, options=options)).code == 0
    body = server.requests[0]
    assert body["model"] == "qwen2.5-coder:7b"
    assert body["options"] == {
        "num_predict": 2048,
        "num_ctx": 8192,
        "temperature": 0.1,
        "num_gpu": 1,
    }
    assert (body["truncate"], body["shift"]) == (False, False)
    assert "max_tokens" not in body


def test_tools_are_called_and_answered(tmp_path: Path) -> None:
    """A whole conversation, streamed, with its tokens."""
    script = (Turn(text="looking", tools=[bash("echo hi")], usage=(7, 3)), Turn(text="done"))
    with llm_server(*script) as server:
        done = talk(tmp_path, qwen(server))
    assert [line["text"] for line in done.said("assistant")] == ["looking", "done"]
    system, user, said, answer = server.requests[1]["messages"]
    assert (system["content"], user["content"]) == ("Be useful.", "Do your work.")
    assert said["tool_calls"][0]["function"] == {
        "name": "bash",
        "arguments": {"command": "echo hi"},
    }
    assert answer == {"role": "tool", "tool_name": "bash", "content": "hi\n"}
    assert done.usage["totalTokens"] == 7 + 3 + 10 + 5


@pytest.mark.parametrize(
    ("options", "facts", "window"),
    [
        ({"context_window": 99_999}, {"/api/show": SHOWN}, 32_768),
        ({}, {"/api/show": {**SHOWN, "parameters": "num_ctx        4242"}}, 4242),
        ({}, {"/api/show": SHOWN, "/api/ps": {"models": [
            {"name": "qwen2.5-coder:7b", "context_length": 6000}]}}, 6000),
        ({}, {"/api/show": SHOWN}, 16_384),
        ({}, {}, 16_384),
        ({}, {"/api/show": {"model_info": "none"}, "/api/ps": {"models": ["none"]}}, 16_384),
    ],
    ids=["declared too large", "of its Modelfile", "as it is loaded", "ours", "nothing is known", "no words of its"],
)  # fmt: skip
def test_the_window_is_the_one_that_is_asked_for(
    tmp_path: Path, options: dict[str, Any], facts: dict[str, Any], window: int
) -> None:
    """It is sent with every request, so that what is reckoned with is what the server has."""
    with llm_server(Turn(text="ok"), facts=facts) as server:
        done = talk(tmp_path, qwen(server, options=options))
    assert server.requests[0]["options"]["num_ctx"] == window
    assert done.said("creating agent session")[0]["windowTokens"] == window


def test_a_model_that_is_not_there_is_named_with_its_remedy(tmp_path: Path) -> None:
    """13, before a conversation is begun: it is not replaced by another one."""
    facts = {"/api/show": {"error": "model 'qwen2.5-coder:7b' not found"}}
    with llm_server(Turn(text="never"), facts=facts) as server:
        done = talk(tmp_path, qwen(server))
    assert (done.code, server.requests) == (13, [])
    assert "ollama pull qwen2.5-coder:7b" in done.reason


@pytest.mark.parametrize(
    ("turn", "code", "word"),
    [
        (Turn(status=404, error="model not found"), 13, "refused the request"),
        (Turn(status=400, error="does not support tools"), 13, "does not support tools"),
        (Turn(status=401, error="no"), 10, "refused its key"),
        (Turn(status=400, error="prompt exceeds the context length"), 15, "too long"),
    ],
)
def test_its_refusals_have_their_codes(tmp_path: Path, turn: Turn, code: int, word: str) -> None:
    with llm_server(turn) as server:
        done = talk(tmp_path, qwen(server))
    assert (done.code, len(server.requests)) == (code, 1)
    assert word in done.reason


@pytest.mark.parametrize("level", ["off", "high"])
def test_thinking_is_turned_on_and_off(tmp_path: Path, level: str) -> None:
    with llm_server(Turn(text="ok")) as server:
        talk(tmp_path, qwen(server, thinkingLevel=level))
    assert server.requests[0]["think"] is (level == "high")
