"""Long conversations: summaries in time, said in the log, and never a prompt that a server would have to cut."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.llm_server import LlmServer, Turn, llm_server
from tests.inside.talks import bash, model, talk

WINDOW = {"options": {"context_window": 4000, "compact_pct": 50}}
SMALL = Turn(tools=[bash("echo begun")], usage=(0, 10))


def long(number: int) -> Turn:
    """A step whose answer is long: 4000 characters, about a thousand tokens."""
    return Turn(tools=[bash(f"echo {number}; yes abc | head -1000")], usage=(0, 10))


def texts(request: dict[str, Any]) -> str:
    return json.dumps(request["messages"])


def summaries(server: LlmServer) -> list[dict[str, Any]]:
    """The requests that ask for a summary: those without tools."""
    return [request for request in server.requests if not request.get("tools")]


def test_a_conversation_is_summarised_at_its_percentage(tmp_path: Path) -> None:
    """50 % of 4000 tokens: the log has the trigger and both lengths, and the work goes on from the summary."""
    script = (SMALL, long(1), long(2), Turn(text="SUMMARY: begun"), Turn(text="done"))
    with llm_server(*script) as server:
        done = talk(tmp_path, model(server.url, **WINDOW))
    assert done.code == 0
    (before,) = done.said("compacting the conversation")
    (after,) = done.said("conversation compacted")
    assert (before["windowTokens"], before["triggerTokens"], before["compactPct"]) == (
        4000,
        2000,
        50,
    )
    assert before["tokensBefore"] >= 2000 > after["tokensAfter"]
    last = texts(server.requests[-1])
    assert "SUMMARY: begun" in last
    assert "Do your work." in last
    assert "begun\\n" not in last.replace("SUMMARY: begun", "")


def test_a_call_and_its_answer_stay_together(tmp_path: Path) -> None:
    """Every answer of a tool that is left has its call before it: an API would refuse it otherwise."""
    script = (SMALL, long(1), long(2), Turn(text="S"), Turn(text="done"))
    with llm_server(*script) as server:
        talk(tmp_path, model(server.url, **WINDOW))
    messages = server.requests[-1]["messages"]
    called = {c["id"] for m in messages for c in m.get("tool_calls") or ()}
    answered = {m["tool_call_id"] for m in messages if m["role"] == "tool"}
    assert called == answered != set()


def test_a_summary_is_made_again_from_the_one_before(tmp_path: Path) -> None:
    """The second one reads the first, and nothing is summarised twice in a row."""
    script = (
        *(SMALL, long(1), long(2), Turn(text="FIRST")),
        *(long(3), Turn(text="SECOND"), Turn(text="done")),
    )
    with llm_server(*script) as server:
        done = talk(tmp_path, model(server.url, **WINDOW))
    assert len(done.said("conversation compacted")) == len(summaries(server)) == 2
    assert "FIRST" in texts(summaries(server)[1])
    assert "SECOND" in texts(server.requests[-1])
    assert "FIRST" not in texts(server.requests[-1])


def test_summaries_count_for_what_is_spent(tmp_path: Path) -> None:
    """They are requests like any other."""
    script = (
        SMALL,
        long(1),
        long(2),
        Turn(text="S", usage=(7, 7)),
        Turn(text="done", usage=(1, 1)),
    )
    with llm_server(*script) as server:
        usage = talk(tmp_path, model(server.url, **WINDOW)).usage
    assert (usage["totalTokens"], usage["turnCount"]) == (3 * 10 + 14 + 2, 4)


def test_a_prompt_that_cannot_fit_is_an_error_and_is_not_sent(tmp_path: Path) -> None:
    """15, with both numbers."""
    with llm_server(Turn(text="never")) as server:
        done = talk(tmp_path, model(server.url, **WINDOW), prompt="x" * 40_000)
    assert (done.code, server.requests) == (15, [])
    assert "the model's window is 4000" in done.reason


def test_a_server_that_says_too_long_gets_a_shorter_one(tmp_path: Path) -> None:
    """The window is not known; its refusal is."""
    refusal = Turn(status=400, error="This model's maximum context length is 10 tokens")
    too_long = (json.dumps({"error": {"message": refusal.error, "type": "invalid_request_error",
                                      "code": "context_length_exceeded"}})).encode()  # fmt: skip
    script = (
        *(SMALL, long(1)),
        Turn(status=400, raw=too_long),
        *(Turn(text="SHORT"), Turn(text="done")),
    )
    with llm_server(*script) as server:
        done = talk(tmp_path, model(server.url))
    assert done.code == 0
    assert len(done.said("conversation compacted")) == 1
    assert "SHORT" in texts(server.requests[-1])


@pytest.mark.parametrize(
    ("facts", "window"),
    [
        ({"/v1/models": {"data": [{"id": "test-model", "max_model_len": 3000}]}}, 3000),
        ({"/props": {"default_generation_settings": {"n_ctx": 2048}}}, 2048),
        ({"/api/v0/models": {"data": [{"id": "test-model", "loaded_context_length": 2500}]}}, 2500),
    ],
    ids=["vLLM", "llama-server", "LM Studio"],
)
def test_the_window_that_the_server_has_counts(
    tmp_path: Path, facts: dict[str, Any], window: int
) -> None:
    """Not the larger one that is declared; and the run says so."""
    with llm_server(Turn(text="ok"), facts=facts) as server:
        done = talk(tmp_path, model(server.url, **WINDOW))
    assert done.said("creating agent session")[0]["windowTokens"] == window
    assert [line["msg"] for line in done.lines if f"{window} counts" in line["msg"]] != []


def test_what_no_server_says_is_declared_or_not_known(tmp_path: Path) -> None:
    with llm_server(Turn(text="ok")) as server:
        declared = talk(tmp_path, model(server.url, **WINDOW))
        unknown = talk(tmp_path, model(server.url))
    assert declared.said("creating agent session")[0]["windowTokens"] == 4000
    assert unknown.said("creating agent session")[0]["windowTokens"] is None
