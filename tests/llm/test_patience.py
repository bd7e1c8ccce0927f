"""Several models as one, over real HTTP: who is asked, how often, and how long is waited."""

import asyncio
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from pydantic_ai import Agent
from pydantic_ai.messages import ModelRequest, UserPromptPart
from pydantic_ai.models import Model as LiveModel
from pydantic_ai.models import ModelRequestParameters

from tests.fixtures.llm_server import LlmServer, Turn, llm_server
from toolkit.core.agent import Model
from toolkit.core.secrets import Secret
from toolkit.llm.models import live_model, live_models
from toolkit.llm.patience import Exhausted, Patient

BUSY = Turn(status=429)
KEYS = {"anthropic_key": Secret("sk-ant-api-1"), "openai_key": Secret("sk-1")}
APIS = ("custom", "openai", "anthropic", "ollama")
# what each of them says when it fails after it has begun
OVERLOADED = b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}\n\n'


class Waits:
    """A sleep that does not, and remembers."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.told: list[tuple[str, dict[str, Any]]] = []

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)

    def tell(self, msg: str, fields: dict[str, Any]) -> None:
        self.told.append((msg, fields))


def ask(waits: Waits, *servers: LlmServer, times: int = 1, provider: str = "custom") -> str:
    """A question to these models, in this order."""
    models = [
        Model(name=f"m{n}", provider=provider, model=f"m{n}", base_url=server.url)
        for n, server in enumerate(servers)
    ]
    patient = Patient(live_models(models, KEYS), tell=waits.tell, sleep=waits)
    return asyncio.run(_asked(Agent(patient), times))


async def _asked(agent: Agent, times: int) -> str:
    async with agent:
        return [(await agent.run("hello")).output for _ in range(times)][-1]


def test_waits_double_and_have_an_end() -> None:
    """30 s, 60 s, 120 s between four passes, then it is given up."""
    waits = Waits()
    with llm_server(BUSY) as server, pytest.raises(Exhausted) as caught:
        ask(waits, server)
    assert waits.seconds == [30, 60, 120]
    assert len(server.requests) == 4
    assert caught.value.busy


def test_what_the_provider_asks_for_is_waited() -> None:
    """Retry-After instead of our own doubling, but never more than five minutes."""
    waits = Waits()
    turns = [Turn(status=429, headers={"Retry-After": after}) for after in ("7", "4000")]
    with llm_server(*turns, Turn(text="ok")) as server:
        assert ask(waits, server) == "ok"
    assert waits.seconds == [7, 300]


def test_a_wish_for_no_wait_is_none() -> None:
    """Some proxies say 0 with every refusal: the run would be over before the minute is."""
    waits = Waits()
    with llm_server(Turn(status=429, headers={"Retry-After": "0"}), Turn(text="ok")) as server:
        assert ask(waits, server) == "ok"
    assert waits.seconds == [30]


def test_the_next_model_is_asked_before_anything_is_waited_for() -> None:
    waits = Waits()
    with llm_server(BUSY) as first, llm_server(Turn(text="second")) as second:
        assert ask(waits, first, second) == "second"
    assert (waits.seconds, len(first.requests)) == ([], 1)
    assert waits.told[0][1]["model"] == "m0"


def test_every_pass_asks_every_model() -> None:
    """In order, and again after the wait."""
    waits = Waits()
    with llm_server(BUSY) as first, llm_server(BUSY, BUSY, Turn(text="ok")) as second:
        assert ask(waits, first, second) == "ok"
    assert (len(first.requests), len(second.requests)) == (3, 3)


def test_a_server_that_fails_is_tried_again_and_is_not_busy() -> None:
    """500 may pass, and is no rate limit: the run's code differs."""
    waits = Waits()
    with llm_server(Turn(status=500)) as server, pytest.raises(Exhausted) as caught:
        ask(waits, server)
    assert len(server.requests) == 4
    assert not caught.value.busy


def test_an_empty_account_is_not_waited_for() -> None:
    """402: no time will help, only another provider."""
    waits = Waits()
    with llm_server(Turn(status=402)) as server, pytest.raises(Exhausted):
        ask(waits, server)
    assert (waits.seconds, len(server.requests)) == ([], 1)


def test_a_provider_that_is_not_there_is_tried_again() -> None:
    """A connection that is refused may be a restart."""
    waits = Waits()
    with llm_server(Turn(text="ok")) as server:
        gone = LlmServer("http://127.0.0.1:9/v1", [])
        assert ask(waits, gone, server) == "ok"


def test_a_date_to_try_again_is_a_time_to_wait() -> None:
    """Retry-After may be an HTTP date (https://httpwg.org/specs/rfc9110.html#field.retry-after)."""
    waits, moment = Waits(), datetime.now(UTC) + timedelta(seconds=90)
    after = {"Retry-After": format_datetime(moment, usegmt=True)}
    with llm_server(Turn(status=429, headers=after), Turn(text="ok")) as server:
        assert ask(waits, server) == "ok"
    assert 30 < waits.seconds[0] <= 90


@pytest.mark.parametrize(
    "broken",
    [
        Turn(text="a long answer, of which only half arrives", cut=True),
        Turn(raw=b"<html>Bad gateway</html>"),
        Turn(raw=b'data: {"choices": [{"ind'),
    ],
    ids=["cut connection", "no JSON", "half of it"],
)
def test_an_answer_that_cannot_be_read_is_asked_for_again(broken: Turn) -> None:
    """The request, not the conversation."""
    waits = Waits()
    with llm_server(broken, Turn(text="ok")) as server:
        assert ask(waits, server) == "ok"
    assert (len(server.requests), waits.seconds) == (2, [30])


def test_a_model_that_has_just_refused_is_left_alone() -> None:
    """The next question goes to the other one at once."""
    waits = Waits()
    with llm_server(BUSY) as first, llm_server(Turn(text="ok")) as second:
        assert ask(waits, first, second, times=3) == "ok"
    assert (len(first.requests), len(second.requests)) == (1, 3)


@pytest.mark.parametrize("provider", APIS)
@pytest.mark.parametrize(
    "turn",
    [
        BUSY,
        Turn(status=529),
        Turn(status=500),
        Turn(status=408),
        Turn(gone=True),
        Turn(text="half of an answer", cut=True),
        Turn(raw=b"<html>Bad gateway</html>"),
        Turn(raw=b""),
    ],
    ids=["429", "529", "500", "408", "no answer", "cut connection", "no JSON", "no event"],
)
def test_every_api_s_failures_are_waited_out(provider: str, turn: Turn) -> None:
    """In its own words, on its own wire."""
    waits = Waits()
    with llm_server(turn, Turn(text="ok")) as server:
        assert ask(waits, server, provider=provider) == "ok"
    assert (len(server.requests), waits.seconds) == (2, [30])


@pytest.mark.parametrize(
    ("provider", "raw"),
    [
        ("anthropic", OVERLOADED),
        ("ollama", b'{"error": "llama runner process has terminated"}\n'),
        ("ollama", b'{"message": {"role": "assistant", "content": "half"}, "done": false}\n'),
        ("ollama", b"<html>Bad gateway</html>"),
        ("custom", b'data: {"error": {"message": "slot unavailable", "code": 503}}\n\n'),
        ("custom", b"data: [1]\n\n"),
        ("custom", b'data: {"choices": [{"index": 0, "delta": "x"}]}\n\n'),
        ("openai", b'data: {"choices": "x"}\n\n'),
        ("anthropic", b"event: message_start\ndata: [1]\n\n"),
        ("anthropic", b'event: message_start\ndata: {"type": "message_start", "message": "x"}\n\n'),
        ("ollama", b'{"message": "x"}\n'),
        ("ollama", b'{"done": true, "eval_count": "x"}\n'),
    ],
)
def test_a_failure_within_the_answer_is_one_too(provider: str, raw: bytes) -> None:
    """The status was 200 already; what has another form than the API's is a failure as well."""
    waits = Waits()
    with llm_server(Turn(raw=raw), Turn(text="ok")) as server:
        assert ask(waits, server, provider=provider) == "ok"
    assert len(server.requests) == 2


async def cancelled(live: LiveModel, heard: list[int]) -> None:
    """An answer that is given up as soon as it has begun, as a budget of seconds does it."""
    begun = asyncio.Event()
    patient = Patient(
        [live],
        tell=lambda _msg, _fields: None,
        heard=lambda _place, response: heard.append(response.usage.input_tokens),
        begun=lambda _place, _response: begun.set(),
    )
    question = ModelRequest(parts=[UserPromptPart(content="hello")])
    asking = asyncio.create_task(patient.request([question], None, ModelRequestParameters()))
    await begun.wait()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking


def test_an_answer_that_is_cancelled_counts_as_far_as_it_was_reported() -> None:
    """Anthropic says with its first event what it has read, and bills it."""
    heard: list[int] = []
    half = Turn(text="begun", tools=[("note", {"text": "x" * 3000})], usage=(7, 1), stalls=True)
    with llm_server(half) as server:
        named = Model(name="m", provider="anthropic", model="m", base_url=server.root)
        asyncio.run(cancelled(live_model(named, KEYS["anthropic_key"]), heard))
    assert heard == [7]
