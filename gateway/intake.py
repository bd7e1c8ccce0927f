"""What every request passes on its way in and out: a bound on its body, and one line in the access log."""

import logging
import time

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOG = logging.getLogger("al.gateway.access")
MOST_BODY = 10 * 1024**2  # bytes, of our own; GitHub sends up to 25 MB
# what Lambda hands over at most, the event around the body included
# (https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html)
MOST_ON_LAMBDA = 6 * 1024**2
HINT = f"send at most {MOST_BODY // 1024**2} MiB: the gateway's own limit"
HINT_ON_LAMBDA = (
    f"send at most {MOST_ON_LAMBDA // 1024**2} MiB: AWS Lambda's limit, which the gateway runs on"
)


class TooLarge(Exception):
    """A body turned out to be larger than what is taken."""


def most_of(scope: Scope) -> int:
    """How large a body may be; Mangum puts Lambda's event into the scope."""
    return MOST_ON_LAMBDA if "aws.event" in scope else MOST_BODY


def too_large(scope: Scope) -> JSONResponse:
    """413, which says whose limit it is."""
    hint = HINT_ON_LAMBDA if "aws.event" in scope else HINT
    told = {"error": "the request is too large", "hint": hint}
    return JSONResponse(told, status_code=413)


def declares_too_much(scope: Scope, most: int) -> bool:
    """Whether the length that it declares is too large, or none."""
    declared = next((v for k, v in scope["headers"] if k == b"content-length"), b"0")
    return not declared.isdigit() or int(declared[:20]) > most


async def whole_body(scope: Scope, receive: Receive) -> bytes:
    """Raises TooLarge, before the rest is read, and ClientDisconnect."""
    most = most_of(scope)
    if declares_too_much(scope, most):
        raise TooLarge
    parts, length = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        parts.append(message.get("body", b""))
        length += len(parts[-1])
        if length > most:
            raise TooLarge
        if not message.get("more_body", False):
            return parts[0] if len(parts) == 1 else b"".join(parts)


class BodyLimit:
    """Refuses a body that says that it is too large, and cuts off one that turns out to be."""

    def __init__(self, app: ASGIApp, most: int | None = None) -> None:
        self._app = app
        self._most = most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        most = self._most or most_of(scope)
        if declares_too_much(scope, most):
            return await too_large(scope)(scope, receive, send)
        received = 0

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > most:
                raise HTTPException(413, "the request is too large")
            return message

        return await self._app(scope, counted, send)


class AccessLog:
    """Method, path, status and duration; never the query, which may hold what nobody should read."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] == "/health":
            return await self._app(scope, receive, send)
        started, status = time.monotonic(), 500

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            return await self._app(scope, receive, noted)
        finally:
            took = round((time.monotonic() - started) * 1000)
            level = logging.WARNING if status >= 400 else logging.DEBUG
            fields = {
                "method": scope["method"],
                "path": scope["path"],
                "status": status,
                "ms": took,
            }
            LOG.log(level, "%(method)s %(path)r %(status)s %(ms)s ms", fields)
