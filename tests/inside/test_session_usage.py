"""What a run has used is what its providers reported, whatever went wrong on the way."""

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.llm_server import Turn, llm_server
from tests.inside.talks import bash, model, opened, talk
from toolkit.inside.records import Reader
from toolkit.inside.session import Session

PRICE = {"price": {"input": 1_000_000, "output": 2_000_000}}  # a dollar, two dollars
NOW = {"retry-after-ms": "1"}
WORK = Turn(tools=[bash("true")], usage=(10, 5))
DONE = Turn(text="done", usage=(20, 1))


def used(found: Any) -> tuple[int, int, float, int]:
    return found["inputTokens"], found["outputTokens"], found["cost"], found["turnCount"]


@pytest.mark.parametrize("provider", ["custom", "anthropic", "ollama"])
@pytest.mark.parametrize(
    "refusal", [Turn(status=429, headers=NOW), Turn(status=529, headers=NOW)], ids=["429", "529"]
)
def test_a_refusal_costs_nothing(tmp_path: Path, provider: str, refusal: Turn) -> None:
    """Only the answers count, each once, on each API."""
    with llm_server(WORK, refusal, DONE) as server:
        url = server.url if provider == "custom" else server.root
        done = talk(tmp_path, model(url, provider=provider, key="k", options=PRICE))
    assert (done.code, len(server.requests)) == (0, 3)
    assert used(done.usage) == (30, 6, 42.0, 2)


def test_each_model_s_tokens_have_its_own_price(tmp_path: Path) -> None:
    """One answers first and then fails; the other finishes the work."""
    cheap = {"price": {"input": 0, "output": 1_000_000}}
    broken = Turn(status=500)
    with llm_server(WORK, broken) as first, llm_server(DONE) as second:
        done = talk(
            tmp_path,
            model(first.url, options=PRICE),
            model(second.url, name="second", options=cheap),
        )
    assert used(done.usage) == (30, 6, 10 + 2 * 5 + 1, 2)


def test_a_price_of_nothing_is_a_price(tmp_path: Path) -> None:
    """A free model's run costs nothing, which is known, and may have a budget in money."""
    free = {"price": {"input": 0, "output": 0}}
    with llm_server(WORK, DONE) as server:
        done = talk(tmp_path, model(server.url, options=free), budget={"cost": 1})
    assert (done.code, used(done.usage)) == (0, (30, 6, 0.0, 2))


def test_an_answer_that_was_lost_half_way_counts_as_far_as_it_was_reported(tmp_path: Path) -> None:
    """Anthropic says with its first event what it has read, and bills it; the next model is asked at once."""
    lost = Turn(text="half of it " * 200, usage=(7, 1), cut=True)
    with llm_server(lost) as first, llm_server(DONE) as second:
        broken = model(first.root, provider="anthropic", key="k", options=PRICE)
        done = talk(tmp_path, broken, model(second.url, options=PRICE))
    assert (done.code, used(done.usage)) == (0, (27, 2, 27 + 4, 1))


async def told_until_then(session: Session, reader: Reader) -> dict[str, Any]:
    """The first that is told of what was used, while the answer is still to come."""
    work = asyncio.create_task(session.run())
    async with asyncio.timeout(30):
        while reader.usage is None:
            await asyncio.sleep(0.01)
    work.cancel()
    with suppress(asyncio.CancelledError):
        await work
    return dict(reader.usage)


def test_what_is_known_of_an_answer_is_told_before_its_end(tmp_path: Path) -> None:
    """A run that is ended by force has no time for it afterwards."""
    half = Turn(text="begun", tools=[bash(f"echo {'x' * 3000}")], usage=(7, 1), stalls=True)
    with llm_server(half) as server:
        asked = model(server.root, provider="anthropic", key="k", options=PRICE)
        with opened(tmp_path, asked) as (session, reader):
            found = asyncio.run(told_until_then(session, reader))
    assert used(found) == (7, 1, 7 + 2, 0)
