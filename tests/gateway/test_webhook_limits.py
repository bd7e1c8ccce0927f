"""How large a delivery may be, and who says so."""

import asyncio
import json
from typing import Any

import pytest

from gateway.bodies import (
    MOST_BODY,
    MOST_ON_LAMBDA,
    Held,
    Refused,
    Share,
    check_length,
    too_large,
    whole_body,
)

HERE: dict[str, Any] = {"type": "http", "headers": []}
ON_LAMBDA = HERE | {"aws.event": {}}


def received(scope: dict[str, Any], size: int) -> bytes:
    """The body as `whole_body` reads it, when it comes in parts of a mebibyte without a declared length."""
    parts = [b"x" * min(1024**2, size - at) for at in range(0, size, 1024**2)]
    messages = iter(
        {"type": "http.request", "body": part, "more_body": True} for part in [*parts, b""]
    )

    async def receive() -> dict[str, Any]:
        return next(messages, {"type": "http.request", "body": b"", "more_body": False})

    return asyncio.run(whole_body(scope, receive, Share(Held())))


@pytest.mark.parametrize(("scope", "most"), [(HERE, MOST_BODY), (ON_LAMBDA, MOST_ON_LAMBDA)])
def test_the_limit_itself_is_taken_and_one_byte_more_is_not(
    scope: dict[str, Any], most: int
) -> None:
    """10 MiB; what AWS Lambda hands over is 6 MB (https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html)."""
    assert len(received(scope, most)) == most
    with pytest.raises(Refused):
        received(scope, most + 1)


@pytest.mark.parametrize("declared", [b"99999999999999999999999", b"-1", b"ten", b"1e3"])
def test_a_length_that_is_too_large_or_none_is_refused_unread(declared: bytes) -> None:
    """Nothing is read for it."""
    with pytest.raises(Refused):
        check_length(HERE | {"headers": [(b"content-length", declared)]})


@pytest.mark.parametrize(
    ("scope", "words"), [(HERE, "the gateway's own limit"), (ON_LAMBDA, "AWS Lambda's limit")]
)
def test_the_refusal_says_whose_limit_it_is(scope: dict[str, Any], words: str) -> None:
    """Whoever is refused knows whether another place for the gateway would help."""
    told = json.loads(bytes(too_large(scope).body))
    assert words in told["hint"]
