"""How much of what clients send this process holds: a bound on one body, and one on all of them together.

Nothing of a body is looked at here.
"""

from typing import Self

from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_BODY = 10 * 1024**2  # bytes, of our own; GitHub sends up to 25 MB
# what Lambda hands over at most, the event around the body included
# (https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html)
MOST_ON_LAMBDA = 6 * 1024**2
MOST_HELD = 64 * 1024**2  # bytes of all bodies at once: a gateway is small, and anybody may send
HINT = f"send at most {MOST_BODY // 1024**2} MiB: the gateway's own limit"
HINT_ON_LAMBDA = (
    f"send at most {MOST_ON_LAMBDA // 1024**2} MiB: AWS Lambda's limit, which the gateway runs on"
)
AGAIN = {"retry-after": "1"}


class Refused(Exception):
    """A body that is not taken; `answer` says why.  What is left of it the server reads over."""

    def __init__(self, answer: JSONResponse) -> None:
        super().__init__(answer.status_code)
        self.answer = answer


class Held:
    """Bytes of bodies that are under way, all together.  One event loop uses it."""

    def __init__(self, most: int = MOST_HELD) -> None:
        self._most = most
        self.bytes = 0

    def take(self, size: int) -> None:
        """Raises Refused, with 503."""
        if self.bytes + size > self._most:
            told = {"error": "too many bodies are on their way", "hint": "come again in a moment"}
            raise Refused(JSONResponse(told, status_code=503, headers=AGAIN))
        self.bytes += size


class Share:
    """What one request holds, until it is left."""

    __slots__ = ("_held", "bytes")

    def __init__(self, held: Held) -> None:
        self._held = held
        self.bytes = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._held.bytes -= self.bytes

    def grow(self, size: int) -> None:
        """Raises Refused when all hold too much."""
        self._held.take(size)
        self.bytes += size


def most_of(scope: Scope) -> int:
    """How large a body may be; Mangum puts Lambda's event into the scope."""
    return MOST_ON_LAMBDA if "aws.event" in scope else MOST_BODY


def too_large(scope: Scope) -> JSONResponse:
    """413, which says whose limit it is."""
    hint = HINT_ON_LAMBDA if "aws.event" in scope else HINT
    told = {"error": "the request is too large", "hint": hint}
    return JSONResponse(told, status_code=413)


def check_length(scope: Scope) -> None:
    """Raises Refused when the length that a request declares is too large, or none."""
    declared = next((v for k, v in scope["headers"] if k == b"content-length"), b"0")
    if not declared.isdigit() or int(declared[:20]) > most_of(scope):
        raise Refused(too_large(scope))


async def whole_body(scope: Scope, receive: Receive, share: Share) -> bytes:
    """Raises Refused, before the rest is read, and ClientDisconnect."""
    most, parts = most_of(scope), []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        parts.append(message.get("body", b""))
        share.grow(len(parts[-1]))
        if share.bytes > most:
            raise Refused(too_large(scope))
        if not message.get("more_body", False):
            return parts[0] if len(parts) == 1 else b"".join(parts)


class BodyLimit:
    """ASGI middleware: refuses a body that says that it is too large, and cuts off one that turns out to be."""

    def __init__(self, app: ASGIApp, held: Held) -> None:
        self._app = app
        self._held = held

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        try:
            check_length(scope)
            with Share(self._held) as share:
                return await self._app(scope, _counted(scope, receive, share), send)
        except Refused as refused:
            return await refused.answer(scope, receive, send)


def _counted(scope: Scope, receive: Receive, share: Share) -> Receive:
    """`receive`, which raises Refused for what is too much."""
    most = most_of(scope)

    async def counted() -> Message:
        message = await receive()
        share.grow(len(message.get("body", b"")))
        if share.bytes > most:
            raise Refused(too_large(scope))
        return message

    return counted
