"""What goes on now, as server-sent events: at once, and again whenever it has changed.

    retry: 1000
    id: 5f1c...                     of this state: sent back as Last-Event-ID, it is not told again
    data: {"agents", "schedulerInfo", "recentLogs", "instances", "invalidated"}
    event: heartbeat                nothing has changed for a while

Changes within half a second are told together.  Where answers are held back (Mangum) the stream ends with the first
change, or after a wait.
"""

import asyncio
import hashlib
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from gateway.inputs import LONGEST_WAIT
from gateway.live import invalidated, snapshot
from gateway.routes.logs import buffered
from gateway.sse import HEADERS, RETRY, Pace, failure

router = APIRouter(prefix="/dashboard/api")
COALESCED = 0.5  # seconds in which changes are told together
EVENTS: dict[int | str, dict[str, Any]] = {
    200: {"description": "Server-sent events", "content": {"text/event-stream": {}}}
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Beat:
    """`look` gives the present state.  `wait` bounds an answer that is held back; None streams on.  Seconds."""

    look: Callable[[], dict[str, Any]]
    wait: float | None
    pace: Pace
    clock: Callable[[], float]
    sleep: Callable[[float], Awaitable[None]]

    async def events(self, known: str) -> AsyncIterator[str]:
        """The stream for who has the state `known`."""
        began = spoke = self.clock()
        limit = self.pace.longest if self.wait is None else self.wait
        last: dict[str, Any] | None = None
        yield RETRY
        while True:
            try:
                state = await run_in_threadpool(self.look)
            except Exception as error:  # the answer has begun: what is wrong can only be said in it
                yield failure(error)
                return
            if (name := digest(state)) != known:
                yield event(name, state, last)
                known, last, spoke = name, state, self.clock()
                if self.wait is not None:
                    return
            if self.clock() - began >= limit:
                return
            if self.clock() - spoke >= self.pace.heartbeat:
                yield "event: heartbeat\ndata: {}\n\n"
                spoke = self.clock()
            await self.sleep(min(self.pace.poll, COALESCED))


def event(name: str, state: dict[str, Any], last: dict[str, Any] | None) -> str:
    told = state | {"invalidated": invalidated(last, state)}
    return f"id: {name}\ndata: {json.dumps(told)}\n\n"


def digest(state: dict[str, Any]) -> str:
    """The same for the same state."""
    return hashlib.blake2b(json.dumps(state, sort_keys=True).encode(), digest_size=8).hexdigest()


@router.get("/status-stream", responses=EVENTS, response_class=StreamingResponse)
async def stream(request: Request) -> StreamingResponse:
    """Agents, instances and recent lines, as they change."""
    beat = Beat(
        look=lambda: snapshot(request),
        wait=LONGEST_WAIT if buffered(request) else None,
        pace=request.app.state.pace,
        clock=time.monotonic,
        sleep=asyncio.sleep,
    )
    events = beat.events(request.headers.get("last-event-id", ""))
    return StreamingResponse(events, media_type="text/event-stream", headers=HEADERS)
