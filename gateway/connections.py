"""One connection of a gateway under uvicorn, with the bounds that uvicorn itself does not have.

A connection that is open costs a file and some memory, whoever holds it: there are at most so many, and one that does not get
on with its request, or does not take its answer, is closed.  How much of the requests is held bodies.py bounds.
"""

import asyncio
import json
import resource
from dataclasses import dataclass
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

# seconds in which a request's head, and then its body, has to be there: GitHub gives up its own deliveries after 10
PATIENCE = 15.0
LEAST_TAKEN = (
    8 * 1024
)  # bytes of an answer, in that time; who follows a log goes on with its cursor
MOST_CONNECTIONS = 1000
SPARE_FILES = 128  # of the process, for the ledger, logs and calls to a cloud
_BODY = json.dumps(
    {"error": "too many connections are open", "hint": "come again in a moment"}
).encode()
FULL = (
    b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\nretry-after: 1\r\n"
    b"connection: close\r\ncontent-length: %d\r\n\r\n%b" % (len(_BODY), _BODY)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """Bytes of the answers on a connection: those that the system has taken for the client, and those that wait for that."""

    taken: int = 0
    left: int = 0


def stalled(before: Taken, after: Taken) -> bool:
    """Whether something waited at both looks, and next to nothing was taken between them."""
    return min(before.left, after.left) > 0 and after.taken - before.taken < LEAST_TAKEN


class Gathered:
    """A transport that sends what is written in one turn of the loop together: uvicorn writes the head of an answer and its
    body one after the other, which would be two packets and two calls of the system."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport, self._loop = transport, loop
        self._parts: list[bytes] = []
        self._written = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def is_closing(self) -> bool:
        return self._transport.is_closing()  # asked for each answer

    def write(self, data: bytes) -> None:
        if not self._parts:
            self._loop.call_soon(self._flush)
        self._parts.append(data)

    def close(self) -> None:
        self._flush()
        self._transport.close()

    def taken(self) -> Taken:
        left = self._transport.get_write_buffer_size()
        return Taken(taken=self._written - left, left=left)

    def _flush(self) -> None:
        if self._parts:
            data, self._parts = b"".join(self._parts), []
            self._written += len(data)
            self._transport.write(data)


class Bounded(HttpToolsProtocol):
    """One connection.  It is looked at now and then rather than timed by each request, which costs more."""

    patience = PATIENCE
    most = MOST_CONNECTIONS
    _look: asyncio.TimerHandle | None = None
    _seen: object = None
    _taken = Taken()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._gathered = Gathered(transport, self.loop)
        super().connection_made(cast("asyncio.Transport", self._gathered))
        if len(self.connections) > self.most:
            self.transport.write(FULL)
            self.transport.close()
            return
        self._look_later()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._look is not None:
            self._look.cancel()
        super().connection_lost(exc)

    def _look_later(self) -> None:
        self._look = self.loop.call_later(self.patience, self._look_now)

    def _look_now(self) -> None:
        """Close it when it waits for the same request as at the last look; each request has a scope of its own.  What is
        closed still sends what waits, so it is looked at until that is gone: who does not take it is cut off."""
        before, self._taken = self._taken, self._gathered.taken()
        if stalled(before, self._taken):
            self.transport.abort()
            return
        if self._waits and self._seen is self.scope:
            self.transport.close()
        self._seen = self.scope if self._waits else None
        self._look_later()

    @property
    def _waits(self) -> bool:
        """Whether it is the client's turn: nothing was asked yet, or the rest of a body is missing."""
        return self.cycle is None or self.cycle.response_complete or self.cycle.more_body


def bounded(files: int | None = None) -> type[Bounded]:
    """The protocol for a process that may have so many files open; by default, as many as this one may."""
    allowed = resource.getrlimit(resource.RLIMIT_NOFILE)[0] if files is None else files
    unlimited = allowed == resource.RLIM_INFINITY
    most = MOST_CONNECTIONS if unlimited else min(MOST_CONNECTIONS, allowed - SPARE_FILES)
    return type("Bounded", (Bounded,), {"most": max(1, most)})
