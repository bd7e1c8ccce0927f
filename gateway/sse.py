"""Log lines as server-sent events, bounded where answers are buffered (D13).

    retry: 1000                     once, at the beginning
    data: {"msg": ..., "id": ...}   one event per line; the last one of a batch has `id:`, the cursor after it
    event: end                      the run is over and this was its last line: do not reconnect
    event: error                    {"error", "hint"}: the stream cannot go on
    : idle / : heartbeat            nothing happened

A client that loses the connection within a batch gets the batch again, and knows what it has by the lines' own
`id`.  Mangum buffers whole answers: there a stream ends as soon as it has something to say.
"""

import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

from starlette.concurrency import run_in_threadpool

from toolkit.core.errors import AlError
from toolkit.core.logs import Entry
from toolkit.core.reader import Page

from .errors import body_of

LOG = logging.getLogger("al.gateway")
_LINE_ENDS = {0x85: r"\u0085", 0x2028: r"\u2028", 0x2029: r"\u2029"}
RETRY = "retry: 1000\n\n"
HEADERS = {"cache-control": "no-cache, no-transform", "x-accel-buffering": "no"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Seconds.  `longest` ends a stream where answers are not buffered, so that its key is checked again."""

    poll: float = 0.5
    heartbeat: float = 15.0
    longest: float = 3600.0
    patience: float = 60.0  # how long the cloud may refuse before the stream gives up


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """`read(cursor)` gives the page after it.  `wait` bounds a buffered answer; None streams on."""

    read: Callable[[str], Page]
    wait: float | None
    pace: Pace
    clock: Callable[[], float]
    sleep: Callable[[float], Awaitable[None]]

    async def events(self, page: Page) -> AsyncIterator[str]:
        """The stream that begins with `page`."""
        started = spoke = self.clock()
        limit = self.pace.longest if self.wait is None else self.wait
        yield RETRY
        while True:
            if page.entries:
                yield batch(page)
                spoke = self.clock()
            if page.ended:
                yield f"event: end\nid: {page.cursor}\ndata: {{}}\n\n"
                return
            if (page.entries and self.wait is not None) or self.clock() - started >= limit:
                break
            if self.wait is None and self.clock() - spoke >= self.pace.heartbeat:
                yield ": heartbeat\n\n"
                spoke = self.clock()
            if not page.has_more:
                await self.sleep(self.pace.poll)
            following = await self._next(page)
            if isinstance(following, str):
                yield following
                return
            page = following
        if not page.entries:
            yield f"id: {page.cursor}\n: idle\n\n"

    async def _next(self, page: Page) -> Page | str:
        """The page after this one, or the event that ends the stream.  Waits longer while the cloud is busy."""
        pause, began = self.pace.poll, self.clock()
        patience = self.pace.patience if self.wait is None else self.wait
        while True:
            try:
                return await run_in_threadpool(self.read, str(page.cursor))
            except Exception as error:  # the answer has begun: what is wrong can only be said in it
                temporary = isinstance(error, AlError) and error.temporary
                if not temporary or self.clock() - began + pause > patience:
                    return failure(error)
            await self.sleep(pause)
            pause = min(pause * 2, 10.0)


def batch(page: Page) -> str:
    """The page's lines; the cursor goes with the last of them."""
    *events, last = (f"data: {_json(entry)}\n\n" for entry in page.entries)
    return "".join((*events, f"id: {page.cursor}\n{last}"))


def _json(entry: Entry) -> str:
    """On one line also for clients that take more than CR and LF for the end of one."""
    return json.dumps(entry, ensure_ascii=False).translate(_LINE_ENDS)


def failure(error: Exception) -> str:
    if not isinstance(error, AlError):
        LOG.error("unexpected %s in a stream", type(error).__name__, exc_info=error)
    return f"event: error\ndata: {json.dumps(body_of(error))}\n\n"
