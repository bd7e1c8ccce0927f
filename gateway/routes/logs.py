"""The logs of an agent or of one run: pages in JSON, or server-sent events, of the same cursor."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response, StreamingResponse

from gateway.grep import Search
from gateway.inputs import MOST_LINES, LogRequest, log_request, target
from gateway.openapi import answers, fields, listing
from gateway.sse import HEADERS, Stream
from toolkit.core.reader import Page, Reader
from toolkit.core.sources import Target

router = APIRouter(prefix="/api/logs/agents")
PAGE = fields(entries=listing(), cursor={"type": ["string", "null"]}, hasMore={"type": "boolean"})
SEARCH_SECONDS = 8.0  # after which a page hands over what it has found, and where it stopped

Wanted = Annotated[LogRequest, Depends(log_request)]
ANSWERS = answers(PAGE, 400, 404)
ANSWERS[200]["content"]["text/event-stream"] = {}


@router.get("/{agent}", responses=ANSWERS)
async def of_agent(request: Request, agent: str, wanted: Wanted) -> Response:
    return await _answer(request, target(agent), wanted)


@router.get("/{agent}/{run}", responses=ANSWERS)
async def of_run(request: Request, agent: str, run: str, wanted: Wanted) -> Response:
    return await _answer(request, target(agent, run), wanted)


async def _answer(request: Request, whose: Target, wanted: LogRequest) -> Response:
    reader: Reader = request.app.state.reader

    def first() -> Page:
        return _page(reader, whose, wanted, cursor=wanted.cursor, older=wanted.older)

    page = await run_in_threadpool(first)
    if not wanted.stream or page.cursor is None:
        return JSONResponse(_json(page))
    onward = replace(wanted, query=replace(wanted.query, lines=MOST_LINES))
    stream = Stream(
        read=lambda cursor: _page(reader, whose, onward, cursor=cursor),
        wait=wanted.wait if buffered(request) else None,
        pace=request.app.state.pace,
        clock=time.monotonic,
        sleep=asyncio.sleep,
    )
    return StreamingResponse(stream.events(page), media_type="text/event-stream", headers=HEADERS)


def _page(
    reader: Reader,
    whose: Target,
    wanted: LogRequest,
    *,
    cursor: str | None = None,
    older: str | None = None,
) -> Page:
    query = replace(wanted.query, hurry=_deadline(time.monotonic, SEARCH_SECONDS))
    if wanted.grep is None:
        return reader.page(whose, query, cursor=cursor, older=older)
    with Search(wanted.grep) as search:
        return reader.page(whose, replace(query, grep=search), cursor=cursor, older=older)


def _deadline(clock: Callable[[], float], seconds: float) -> Callable[[], bool]:
    end = clock() + seconds
    return lambda: clock() >= end


def buffered(request: Request) -> bool:
    """Whether the whole answer is held back until it is complete: Mangum puts the event into the scope."""
    return "aws.event" in request.scope


def _json(page: Page) -> dict[str, Any]:
    return {
        "entries": page.entries,
        "cursor": page.cursor,
        "backCursor": page.older,
        "hasMore": page.has_more,
        "ended": page.ended,
    }
