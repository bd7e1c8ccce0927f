"""Streams with more in them than an answer, as servers and proxies write them, on each API."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pydantic_ai import Agent

from tests.fixtures.llm_server import LlmServer, Turn, llm_server
from tests.fixtures.llm_shapes import (
    chat,
    chat_events,
    completion,
    completion_events,
    message,
    message_events,
)
from toolkit.core.agent import Model
from toolkit.core.secrets import Secret
from toolkit.llm.models import live_model
from toolkit.llm.patience import Patient

Events = Callable[[dict[str, Any]], Iterator[bytes]]
CALL = Turn(text="looking", tools=[("note", {"text": "a b"})], usage=(100, 20))
DONE = Turn(text="all done", usage=(200, 30))
PING = b'event: ping\ndata: {"type": "ping"}\n\n'
UNKNOWN = b'event: later_than_us\ndata: {"type": "later_than_us", "index": 0}\n\n'
COMMENT = b": keep-alive\n\n"
NO_CHOICE = b'data: {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": []}\n\n'


def noisy(shape: Any, events: Events, noise: bytes, turn: Turn) -> Turn:
    """The same answer with `noise` before each of its events."""
    whole = events(shape(turn, "m", 1))
    return Turn(raw=b"".join(noise + event for event in whole))


async def at_once(_seconds: float) -> None:
    """A wait that takes no time."""


async def asked(server: LlmServer, provider: str, notes: list[str]) -> Any:
    url = server.url if provider == "custom" else server.root
    model = Model(name="m", provider=provider, model="m", base_url=url)
    live = live_model(model, Secret("k"))
    patient = Patient([live], tell=lambda msg, _: notes.append(msg), sleep=at_once)
    agent = Agent(patient)

    @agent.tool_plain
    def note(text: str) -> str:
        notes.append(text)
        return "noted"

    async with agent:
        return await agent.run("hello")


@pytest.mark.parametrize(
    ("provider", "shape", "events", "noise"),
    [
        ("anthropic", message, message_events, PING),
        ("anthropic", message, message_events, UNKNOWN),
        ("anthropic", message, message_events, COMMENT),
        ("custom", completion, completion_events, COMMENT),
        ("custom", completion, completion_events, NO_CHOICE),
        ("ollama", chat, chat_events, b"\n"),
    ],
    ids=["ping", "unknown event", "comment", "comment of a router", "no choice", "empty line"],
)
def test_what_is_no_part_of_an_answer_is_passed_over(
    provider: str, shape: Any, events: Events, noise: bytes
) -> None:
    """Text, a tool's call and the tokens arrive whole, at the first time of asking."""
    script, notes = (noisy(shape, events, noise, turn) for turn in (CALL, DONE)), list[str]()
    with llm_server(*script) as server:
        result = asyncio.run(asked(server, provider, notes))
    assert (result.output, notes, len(server.requests)) == ("all done", ["a b"], 2)
    assert (result.usage.input_tokens, result.usage.output_tokens) == (300, 50)
