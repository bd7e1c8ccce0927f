"""What ends a session before it is done: budgets, circles, silence, windows; and what it is called."""

import os
import sys
from pathlib import Path

import pytest

from tests.fixtures.llm_server import Turn, llm_server
from tests.fixtures.llm_shapes import completion, completion_events
from tests.inside.talks import bash, model, talk
from toolkit.inside.lines import Log
from toolkit.inside.loop_guard import ENOUGH, LoopGuard, Stuck
from toolkit.inside.model_work import finished
from toolkit.inside.processes import Family
from toolkit.inside.records import Reader

PRICE = {"options": {"price": {"input": 1_000_000, "output": 2_000_000}}}  # a dollar, two dollars
WORK = Turn(tools=[bash("echo x >> counted")], usage=(10, 5))


def routed(turn: Turn, dollars: float = 0.25) -> Turn:
    """The same as OpenRouter says it, with what it bills."""
    whole = completion(turn, "any/model", 1)
    whole["usage"] |= {"cost": dollars, "is_byok": False}
    return Turn(raw=b"".join(completion_events(whole)))


@pytest.mark.parametrize(
    ("budget", "requests", "reason"),
    [
        ({"tokens": 30}, 2, "budget of 30 tokens is used up: 30 so far"),
        ({"turns": 3}, 3, "budget of 3 turns is used up"),
        ({"cost": 20.0}, 1, "budget of 20.0 USD is used up: 20.0000 so far"),
    ],
)
def test_a_budget_ends_the_run_before_the_next_step(
    tmp_path: Path, budget: dict[str, float], requests: int, reason: str
) -> None:
    """17, with what was spent: the tools of the last answer are not called any more."""
    with llm_server(WORK) as server:
        done = talk(tmp_path, model(server.url, **PRICE), budget=budget)
    assert (done.code, len(server.requests)) == (17, requests)
    assert reason in done.reason
    counted = tmp_path / "counted"
    assert (counted.read_text().count("x") if counted.exists() else 0) == requests - 1


def test_the_last_word_may_go_over_the_budget(tmp_path: Path) -> None:
    """There is no step left that could be saved."""
    with llm_server(Turn(text="done", usage=(1000, 1000))) as server:
        assert talk(tmp_path, model(server.url), budget={"tokens": 5}).code == 0


def test_a_budget_of_seconds_ends_a_command_too(tmp_path: Path) -> None:
    """The command is ended with it, and so is a request that is under way."""
    with llm_server(Turn(tools=[bash("sleep 600")]), Turn(silent=True)) as server:
        done = talk(tmp_path, model(server.url), budget={"seconds": 1})
    assert (done.code, done.reason) == (17, "the run's budget of 1 seconds is used up")


def test_a_budget_of_money_needs_a_price(tmp_path: Path) -> None:
    """13 before anything is asked: it could not be kept."""
    with llm_server(WORK) as server:
        done = talk(tmp_path, model(server.url), budget={"cost": 1})
    assert (done.code, server.requests) == (13, [])
    assert "nobody knows what m costs" in done.reason


def test_a_run_costs_what_its_prices_say(tmp_path: Path) -> None:
    """Tokens as the provider counts them, times the user's own prices."""
    with llm_server(WORK, Turn(text="done", usage=(20, 1))) as server:
        done = talk(tmp_path, model(server.url, **PRICE))
    assert done.usage == {
        "inputTokens": 30, "outputTokens": 6, "cacheReadTokens": 0, "cacheWriteTokens": 0,
        "totalTokens": 36, "cost": 42.0, "turnCount": 2,
    }  # fmt: skip


def test_what_a_provider_says_of_its_cost_counts(tmp_path: Path) -> None:
    """OpenRouter chooses the model, and knows what it has cost; its tools work as everybody's."""
    script = (routed(WORK), routed(Turn(text="done")))
    with llm_server(*script) as server:
        router = model(server.url, provider="openrouter", model="openrouter/auto", key="k")
        done = talk(tmp_path, router, budget={"cost": 9})
    assert server.requests[0]["usage"] == {"include": True}
    assert (done.code, done.usage["cost"], (tmp_path / "counted").read_text()) == (0, 0.5, "x\n")


def test_a_free_model_costs_nothing(tmp_path: Path) -> None:
    """As OpenRouter bills it: known, and not unknown."""
    with llm_server(routed(Turn(text="done"), dollars=0)) as server:
        done = talk(
            tmp_path, model(server.url, provider="openrouter", model="any/model:free", key="k")
        )
    assert (done.code, done.usage["cost"]) == (0, 0.0)


def test_what_has_no_price_has_no_cost(tmp_path: Path) -> None:
    """None, not nothing; and the log says so, once."""
    with llm_server(WORK, WORK, Turn(text="done")) as server:
        done = talk(tmp_path, model(server.url))
    assert done.usage["cost"] is None
    assert len(done.said("no price is known, so the run has no cost")) == 1


def test_a_known_model_has_the_price_of_the_table(tmp_path: Path) -> None:
    """Also behind a proxy: the provider and the model say what it is."""
    with llm_server(Turn(text="done", usage=(1_000_000, 0))) as server:
        known = model(server.root, provider="anthropic", model="claude-sonnet-5-5", key="k")
        done = talk(tmp_path, known)
    assert (done.code, done.reason) == (0, "")
    assert done.usage["cost"] > 1


def test_the_same_call_again_and_again_is_warned_of_and_ended(tmp_path: Path) -> None:
    """15: the model reads a warning first, and gets no further than five."""
    with llm_server(Turn(tools=[bash("echo same")])) as server:
        done = talk(tmp_path, model(server.url))
    assert (done.code, len(server.requests)) == (15, ENOUGH)
    assert "round in circles" in done.reason
    answers = [m["content"] for m in server.requests[-1]["messages"] if m["role"] == "tool"]
    assert [("very call" in answer) for answer in answers] == [False, False, True, True]


def test_waiting_for_something_is_no_circle() -> None:
    """A call that takes its time may have the same answer as often as it likes."""
    guard = LoopGuard()
    for _ in range(20):
        assert guard.seen("bash: gh run view", "pending", 30.0) == ""


def test_a_circle_of_several_calls_is_one_too() -> None:
    """Every other call of the last ten."""
    guard = LoopGuard()
    calls = ["a", "b"] * (ENOUGH - 1)
    assert [guard.seen(call, "x", 0.1) for call in calls] == [""] * len(calls)
    with pytest.raises(Stuck):
        guard.seen("a", "x", 0.1)


def test_refusals_of_tools_end_the_run_at_the_third(tmp_path: Path) -> None:
    """15: no further try will change them."""
    refused = [Turn(tools=[bash(f"echo {n}: Permission denied; exit 1")]) for n in range(4)]
    with llm_server(*refused) as server:
        done = talk(tmp_path, model(server.url))
    assert (done.code, len(server.requests)) == (15, 3)
    assert "repeated auth or permission failures" in done.reason


@pytest.mark.parametrize(
    ("status", "code"), [(401, 10), (403, 10), (404, 13), (400, 13), (422, 13), (402, 12)]
)
def test_a_refusal_has_its_exit_code(tmp_path: Path, status: int, code: int) -> None:
    """A run whose model gave no answer has failed, whatever the reason."""
    with llm_server(Turn(status=status, error="no")) as server:
        done = talk(tmp_path, model(server.url))
    assert (done.code, len(server.requests)) == (code, 1)
    assert "no" in done.reason


@pytest.mark.parametrize(("status", "code"), [(429, 12), (529, 12), (503, 12), (500, 14)])
def test_what_passes_is_waited_for_and_then_has_its_exit_code(
    tmp_path: Path, status: int, code: int
) -> None:
    """Four rounds; a run whose requests have all failed is never a success."""
    with llm_server(Turn(status=status, headers={"retry-after-ms": "1"})) as server:
        done = talk(tmp_path, model(server.url))
    assert (done.code, len(server.requests), done.usage) == (code, 4, {})


def test_a_server_that_never_answers_is_no_first_output(tmp_path: Path) -> None:
    """14 and its own reason, without asking it four times."""
    with llm_server(Turn(silent=True)) as server:
        done = talk(tmp_path, model(server.url, options={"first_output": 0.3}))
    assert (done.code, len(server.requests)) == (14, 1)
    assert done.reason.startswith("no-first-output: ")


@pytest.mark.parametrize("provider", ["custom", "anthropic", "ollama"])
def test_an_answer_that_stops_in_the_middle_is_a_stall(tmp_path: Path, provider: str) -> None:
    """14 and a reason of its own, whatever the API; the connection is alive, so nobody else would notice."""
    half = Turn(text="begun", tools=[bash(f"echo {'x' * 3000}")], stalls=True)
    with llm_server(half) as server:
        url = server.url if provider == "custom" else server.root
        stalled = model(url, provider=provider, key="k", options={"first_output": 2.0})
        done = talk(tmp_path, stalled)
    assert (done.code, len(server.requests)) == (14, 1)
    assert done.reason.startswith("stalled-answer: ")


def test_another_model_answers_where_one_is_silent(tmp_path: Path) -> None:
    with llm_server(Turn(silent=True)) as mute, llm_server(Turn(text="ok")) as other:
        first = model(mute.url, options={"first_output": 0.3})
        done = talk(tmp_path, first, model(other.url))
    assert done.code == 0
    assert len(done.said("model not available, trying next model")) == 1


def test_a_session_that_hangs_after_the_last_word_is_ended(tmp_path: Path) -> None:
    """Its work is done: exit code 0, with a reason of its own."""
    reading, writing = os.pipe()
    log = Log("run", write=lambda _data: None)
    family, reader = Family(log), Reader(reading, log)
    code = f'import os, time; os.write({writing}, b\'{{"kind": "final"}}\\n\'); time.sleep(600)'
    child = family.start(
        (sys.executable, "-c", code), cwd=tmp_path, env=dict(os.environ), keep=(writing,)
    )
    os.close(writing)
    assert finished(child, family, reader, grace=0.2) == 0
    assert reader.reason.startswith("idle-after-result: ")
    assert child.poll() is not None
