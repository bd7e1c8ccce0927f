"""What went wrong, as an HTTP answer: {"error", "hint"}, and never where in our code."""

import logging

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from toolkit.core.errors import (
    AccessDenied,
    AlError,
    AlreadyExists,
    ConfigError,
    Conflict,
    CredentialError,
    LimitExceeded,
    NotFound,
    StorageError,
    Throttled,
    Unreachable,
)
from toolkit.scheduler.tokens import InvalidToken, RunOver

from .access import hush

LOG = logging.getLogger("al.gateway")

STATUS: tuple[tuple[type[AlError], int], ...] = (
    (ConfigError, 400),  # UsageError among them: what the client sent cannot be carried out
    (LimitExceeded, 400),
    (NotFound, 404),
    (AlreadyExists, 409),
    (Conflict, 409),
    (InvalidToken, 403),
    (AccessDenied, 502),  # the cloud refused the gateway, not the client
    (CredentialError, 503),
    (StorageError, 503),
    (Throttled, 503),
    (Unreachable, 503),
)
ANSWERS = "/api/openapi.json lists what the gateway answers"
TOO_LARGE = "send less: docs/gateway.md and docs/calls-and-locks.md name the limits"
INTERNAL = {"error": "something went wrong in the gateway", "hint": "its log says what"}


# the error itself names a file of this machine, which is nobody's business who is not on it
STORAGE = {
    "error": "the gateway cannot read or write what it keeps",
    "hint": "its log says what is wrong; try again when that is mended",
}


def status_of(error: AlError) -> int:
    return next((status for kind, status in STATUS if isinstance(error, kind)), 500)


def body_of(error: Exception) -> dict[str, str]:
    """What a client may know of it."""
    if isinstance(error, StorageError):
        return STORAGE
    if isinstance(error, AlError):
        return {"error": error.message, "hint": error.hint}
    return INTERNAL


def response(error: Exception) -> JSONResponse:
    """An unexpected error goes to the log with its traceback, and out as a bare 500."""
    if isinstance(error, StorageError):
        LOG.error("%s; %s", error.message, error.hint)
    if isinstance(error, AlError):
        headers = {"retry-after": "1"} if error.temporary else None
        return JSONResponse(body_of(error), status_code=status_of(error), headers=headers)
    LOG.error("unexpected %s", type(error).__name__, exc_info=error)
    return JSONResponse(INTERNAL, status_code=500)


async def told(request: Request, error: Exception) -> JSONResponse:
    """An AlError of a route."""
    if isinstance(
        error, RunOver
    ):  # what was on its way when the run ended comes late, and that is no trouble
        hush(request.scope)
    return response(error)


async def plain(request: Request, error: Exception) -> JSONResponse:
    """Starlette's own refusals (404, 405, 413) in our words."""
    if not isinstance(error, HTTPException):
        return response(error)
    hint = TOO_LARGE if error.status_code == 413 else ANSWERS
    return JSONResponse(
        {"error": error.detail, "hint": hint},
        status_code=error.status_code,
        headers=dict(error.headers or {}),
    )


class Errors:
    """ASGI middleware: whatever is raised inside becomes an answer, or ends one that has begun."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = False

        async def noted(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, noted)
        except Exception as error:
            answer = response(error)
            if begun:
                raise
            await answer(scope, receive, send)
