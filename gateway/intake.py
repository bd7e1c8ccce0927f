"""What every request passes on its way in and out: a bound on its body, and one line in the access log."""

import logging
import time

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOG = logging.getLogger("al.gateway.access")
MOST_BODY = (
    10 * 1024**2
)  # bytes: what GitHub sends at most is 25 MB, what the predecessor took is 10 MiB
TOO_LARGE = {
    "error": "the request is too large",
    "hint": f"send at most {MOST_BODY // 1024**2} MiB",
}


class BodyLimit:
    """Refuses a body that says that it is too large, and cuts off one that turns out to be."""

    def __init__(self, app: ASGIApp, most: int = MOST_BODY) -> None:
        self._app = app
        self._most = most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        declared = Headers(scope=scope).get("content-length", "0")
        if not declared.isdecimal() or int(declared[:20]) > self._most:
            return await JSONResponse(TOO_LARGE, status_code=413)(scope, receive, send)
        received = 0

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self._most:
                raise HTTPException(413, TOO_LARGE["error"])
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
