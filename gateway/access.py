"""One line in the log for each request that was answered."""

import logging
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOG = logging.getLogger("al.gateway.access")
QUIET = "al.quiet"
SAID = "%(method)s %(path)r %(status)s %(ms)s ms"


def hush(scope: Scope) -> None:
    """The refusal of this request is nothing to warn of."""
    scope[QUIET] = True


def note(scope: Scope, status: int, began: float) -> None:
    """Method, path, status and duration; never the query, which may hold what nobody should read.

    `began` is monotonic time."""
    level = logging.WARNING if status >= 400 and QUIET not in scope else logging.DEBUG
    if LOG.isEnabledFor(level):
        took = round((time.monotonic() - began) * 1000)
        fields = {"method": scope["method"], "path": scope["path"], "status": status, "ms": took}
        LOG.log(level, SAID, fields)


class AccessLog:
    """ASGI middleware: notes every request but those for /health."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] == "/health":
            return await self._app(scope, receive, send)
        began, status = time.monotonic(), 500

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            return await self._app(scope, receive, noted)
        finally:
            note(scope, status, began)
