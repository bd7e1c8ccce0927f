"""Calls between agents: a run asks another agent for work, and later for the answer."""

import asyncio
import re
import time
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse

from gateway.inputs import seconds
from gateway.openapi import TEXT, answers, body, fields
from gateway.runs_auth import ESCAPED, REFUSALS, Asker, Asking, AtDesk, asking
from toolkit.core.errors import Conflict, NotFound, UsageError
from toolkit.core.work import Call, CallState
from toolkit.inside.signals import MOST_CONTEXT
from toolkit.scheduler import calling
from toolkit.scheduler.desk import Desk
from toolkit.scheduler.submit import submit

router = APIRouter()
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")  # RFC 9562, section 4
SLOWEST = 2.0  # seconds between two looks at a call that somebody waits for
Calling = Annotated[Asker, Depends(asking(ESCAPED * MOST_CONTEXT + 4096))]
PLACED = fields(ok={"type": "boolean"}, callId=TEXT)
STANDING = {
    "type": "object",
    "required": ["status"],
    "properties": {
        "status": {"enum": [state.value for state in CallState]},
        "returnValue": {"type": ["string", "null"]},
        "errorMessage": TEXT,
    },
}


@router.post(
    "/calls",
    responses=answers(PLACED, 409, *REFUSALS),
    openapi_extra=body(secret=TEXT, targetAgent=TEXT, context=TEXT, callId=TEXT),
)
def place_call(desk: AtDesk, asker: Calling) -> JSONResponse:
    """Answers when the other agent's run is queued.  409 says why it was not."""
    return placed(desk, asker)


def placed(desk: Desk, asker: Asker) -> JSONResponse:
    """The call, or the reason against it."""
    target, context = asker.text("targetAgent"), asker.text("context", most=MOST_CONTEXT)
    call_id = asker.text("callId") if "callId" in asker.body else ""
    if call_id and not UUID.fullmatch(call_id):
        raise UsageError("callId is no UUID", hint="leave it out, and one is made")
    try:
        call = calling.place(desk, asker.run, target, context, submit, call_id=call_id)
    except (Conflict, NotFound) as error:
        refusal = {"ok": False, "reason": error.message, "error": error.message, "hint": error.hint}
        return JSONResponse(refusal, status_code=409)
    return JSONResponse({"ok": True, "callId": call.id})


@router.get("/calls/{call}", responses=answers(STANDING, 404, *REFUSALS))
async def show_call(
    request: Request, desk: AtDesk, asker: Asking, call: str, wait: str | None = None
) -> dict[str, Any]:
    """How it stands: for its caller alone.  With `wait` not before it is over, or so many seconds have passed."""
    end = time.monotonic() + (seconds("wait", wait) if wait else 0)
    pause = request.app.state.pace.poll
    while True:
        found = await run_in_threadpool(_look, desk, asker, call)
        left = end - time.monotonic()
        if found.state.final or left <= 0:
            return _plain(found)
        await asyncio.sleep(min(pause, left))
        pause = min(pause * 1.5, SLOWEST)


def _look(desk: Desk, asker: Asker, call: str) -> Call:
    return calling.answer(desk.services.ledger, asker.run, call, desk.clock())


def _plain(call: Call) -> dict[str, Any]:
    plain: dict[str, Any] = {"status": call.state.value}
    if call.state is CallState.COMPLETED:
        plain["returnValue"] = call.return_value
    if call.state is CallState.ERROR:
        plain["errorMessage"] = call.error
    return plain
