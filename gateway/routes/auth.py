"""Logging in with a browser: the key once, then a session's cookie."""

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from gateway.auth import UNAUTHORIZED, KeyRing, too_many
from gateway.inputs import Body, text_in
from gateway.openapi import TEXT, answers, body, fields
from gateway.rates import Limiter, Rate, address_of
from gateway.sessions import Sessions, cookie, from_elsewhere, on_this_machine, presented

router = APIRouter(prefix="/api/auth")
LOG_INS = Rate(most=10)  # failed ones, a minute and address
YES = fields(authenticated={"type": "boolean"})
DONE = fields(success={"type": "boolean"})


@router.post("/login", responses=answers(DONE, 400, 401, 429), openapi_extra=body(key=TEXT))
def log_in(request: Request, asked: Body) -> Response:
    """Show the API key; the answer's cookie is a session of 24 hours since its last use."""
    limiter: Limiter = request.app.state.log_ins
    address = address_of(request.scope, request.app.state.trusted)
    if wait := limiter.wait(address):  # before the key is looked at
        return too_many("too many log-ins with a wrong key came from your address", wait)
    if not _right(request.app.state.keys, text_in(asked, "key")):
        limiter.note(address)
        return JSONResponse(UNAUTHORIZED | {"hint": "the key is not right"}, status_code=401)
    return _answer(request, _sessions(request).begin())


@router.get("/check", responses=answers(YES))
def check() -> dict[str, Any]:
    """Whoever gets here may ask."""
    return {"authenticated": True}


@router.post("/logout", responses=answers(DONE, 403))
def log_out(request: Request) -> Response:
    """End the session; harmless without one."""
    if from_elsewhere(request.scope):
        return JSONResponse({"error": "another site made your browser send this"}, status_code=403)
    _sessions(request).end(presented(request.scope))
    return _answer(request, "")


def _answer(request: Request, session: str) -> Response:
    secure = not on_this_machine(request.scope)
    headers = {"set-cookie": cookie(session, secure=secure), "cache-control": "no-store"}
    return JSONResponse({"success": True}, headers=headers)


def _right(keys: KeyRing, key: str | None) -> bool:
    return keys.accepts((key or "").strip().encode())


def _sessions(request: Request) -> Sessions:
    sessions: Sessions = request.app.state.sessions
    return sessions
