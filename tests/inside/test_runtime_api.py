"""The Runtime API loop, for any handler: agents and the gateway share it."""

import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest

from tests.inside.runtime_api import RuntimeApi, runtime_api
from toolkit.core.errors import Unreachable, UsageError
from toolkit.inside.runtime_api import LambdaContext, serve


@pytest.fixture
def api() -> Iterator[RuntimeApi]:
    with runtime_api() as api:
        yield api


def handler(event: bytes, context: LambdaContext) -> bytes:
    """Echoes, or fails as it is told."""
    if event == b'"ours"':
        raise UsageError("not an event", hint="send another")
    if event == b'"secret"':
        raise ValueError("hunter2")
    return b'{"event":%s,"id":"%s","arn":"%s","trace":"%s"}' % (
        event,
        context.request_id.encode(),
        context.function_arn.encode(),
        context.trace_id.encode(),
    )


@pytest.fixture
def serving(api: RuntimeApi) -> RuntimeApi:
    def until_gone() -> None:
        with suppress(Unreachable):
            serve(handler, api=api.address)

    threading.Thread(target=until_gone, daemon=True).start()
    return api


def test_events_are_answered_one_after_the_other(serving: RuntimeApi) -> None:
    """Each by its request id, with all that the platform says about it."""
    assert [serving.invoke(n).body for n in (1, 2)] == [
        {
            "event": n,
            "id": f"request-{n}",
            "arn": "arn:aws:lambda:::function:f:1",
            "trace": "Root=1-2-3",
        }
        for n in (1, 2)
    ]


def test_an_error_is_told_and_the_loop_goes_on(serving: RuntimeApi) -> None:
    """Our own errors with their words."""
    answer = serving.invoke("ours")
    assert (answer.kind, answer.body["errorType"]) == ("error", "UsageError")
    assert answer.body["errorMessage"] == "not an event (send another)"
    assert serving.invoke(3).kind == "response"


def test_a_strangers_error_keeps_its_text(
    serving: RuntimeApi, capfd: pytest.CaptureFixture[str]
) -> None:
    """An unexpected exception's text may hold a secret: its kind and place are told, its text is not."""
    answer = serving.invoke("secret")
    assert (answer.kind, answer.body["errorType"], answer.body["errorMessage"]) == (
        "error",
        "ValueError",
        "",
    )
    assert any("in handler" in frame for frame in answer.body["stackTrace"])
    assert '"error": "ValueError"' in capfd.readouterr().err


def test_a_platform_that_is_gone_ends_the_loop() -> None:
    """With our own error, which the entry point turns into an exit code."""
    with pytest.raises(Unreachable):
        serve(handler, api="127.0.0.1:9")
