"""What a run asks of the gateway: its JSON body, and the token that says which run it is.

`Authorization: Bearer` is preferred; `secret` in the body or the query is taken as well, for clients of the predecessor.
Nothing here says more to a stranger than that a token is missing or not good.
"""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from toolkit.core.errors import UsageError
from toolkit.core.ports import Ledger
from toolkit.core.run import Run
from toolkit.scheduler.desk import Desk
from toolkit.scheduler.tokens import run_of

MOST_BODY = 16 * 1024  # bytes, of what has no long text in it
# JSON may write one byte of text as six (RFC 8259, section 7: \u0000); the rest is for names and the token
ESCAPED = 6
REFUSALS = (400, 403)  # of every route that takes a run's token


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """A run that goes on, and what it sent."""

    run: Run
    body: Mapping[str, Any]

    def text(self, name: str, *, most: int | None = None) -> str:
        """A field that must be text.  Raises UsageError, and 413 when it has more than `most` bytes in UTF-8."""
        value = self.body.get(name)
        if not isinstance(value, str):
            raise UsageError(f"missing {name}", hint=f'send it as text: {{"{name}": "..."}}')
        if most is not None and len(value.encode()) > most:
            raise HTTPException(413, f"{name} has more than {most:,} bytes")
        return value


def desk_of(request: Request) -> Desk:
    desk: Desk = request.app.state.desk
    return desk


def asking(
    most: int, whose: Callable[[Ledger, str], Run] = run_of
) -> Callable[[Request], Awaitable[Asker]]:
    """FastAPI's dependency, for bodies of at most so many bytes.  `whose` finds the run of a token, or raises
    InvalidToken."""

    async def asker(request: Request) -> Asker:
        body = parsed(await _read(request, most))
        token = _token(request, body)
        if not token:
            raise UsageError(
                "missing secret", hint="send the run's token as `Authorization: Bearer TOKEN`"
            )
        ledger = desk_of(request).services.ledger
        return Asker(run=await run_in_threadpool(whose, ledger, token), body=body)

    return asker


AtDesk = Annotated[Desk, Depends(desk_of)]
Asking = Annotated[Asker, Depends(asking(MOST_BODY))]


def parsed(data: bytes) -> Mapping[str, Any]:
    """A JSON object, all of whose text can be written down again; an empty body is an empty one.  Raises UsageError."""
    try:
        value = json.loads(data or b"{}")
        json.dumps(value, ensure_ascii=False).encode()  # half of a surrogate pair is no text
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise UsageError("invalid JSON body", hint="send a JSON object")
    return value


def _token(request: Request, body: Mapping[str, Any]) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return token.strip()
    given = body.get("secret", request.query_params.get("secret"))
    return given if isinstance(given, str) else ""


async def _read(request: Request, most: int) -> bytes:
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > most:
            raise HTTPException(413, f"the body has more than {most:,} bytes")
    return bytes(data)
