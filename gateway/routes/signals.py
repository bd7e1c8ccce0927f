"""What a run says of itself while it works.

Its own report says all of it again, so these answers promise little; only a return value that is too large for
a report, or one of a platform that cannot report, arrives this way alone.
"""

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.responses import JSONResponse

from gateway.openapi import TEXT, answers, body, fields
from gateway.routes.calls import PLACED, Calling, placed
from gateway.runs_auth import ESCAPED, REFUSALS, Asker, Asking, AtDesk, asking
from toolkit.core.errors import UsageError
from toolkit.inside.signals import MOST_RETURN
from toolkit.scheduler import calling

router = APIRouter(prefix="/signals")
Returning = Annotated[Asker, Depends(asking(ESCAPED * MOST_RETURN + 4096))]
DONE = answers(fields(ok={"type": "boolean"}), *REFUSALS)
OK = {"ok": True}


@router.post("/rerun", responses=DONE, openapi_extra=body(secret=TEXT))
def rerun(asker: Asking) -> dict[str, bool]:
    """Taken note of: it is the run's exit code that asks for another run."""
    return OK


@router.post("/status", responses=DONE, openapi_extra=body(secret=TEXT, text=TEXT))
def status(asker: Asking) -> dict[str, bool]:
    """Taken note of: the run's own mailbox carries it to whoever watches."""
    if not asker.text("text").strip():
        raise UsageError("missing text", hint='say what the run is doing: {"text": "..."}')
    return OK


@router.post("/return", responses=DONE, openapi_extra=body(secret=TEXT, value=TEXT))
def give_back(desk: AtDesk, asker: Returning) -> dict[str, bool]:
    """Kept whole; 413 when it is larger than an answer may be."""
    calling.returned(desk.services.ledger, asker.run, asker.text("value", most=MOST_RETURN))
    return OK


@router.post(
    "/trigger",
    responses=answers(PLACED, 409, *REFUSALS),
    openapi_extra=body(secret=TEXT, targetAgent=TEXT, context=TEXT),
)
def trigger(desk: AtDesk, asker: Calling) -> JSONResponse:
    """The older name of a call whose answer nobody waits for."""
    return placed(desk, asker)
