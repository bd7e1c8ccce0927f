"""Webhooks: `/webhooks/{kind}` and `/webhooks/{kind}/{source}`, and the replay of a receipt (routes/stats shows it).

`Door` hands deliveries to `deliver` before the application's own routing, which would cost more than all that is done here.
"""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.auth import too_many
from gateway.delivery import Arrival, Intake, Outcome
from gateway.intake import TooLarge, too_large, whole_body
from gateway.openapi import NUMBER, OBJECT, TEXT, answers, fields
from gateway.rates import address_of
from gateway.reception import Reception
from toolkit import wiring
from toolkit.core.errors import NotFound
from toolkit.core.webhook import WebhookRequest
from toolkit.core.work import Accepted, Delivery
from toolkit.scheduler.desk import Desk

router = APIRouter()
PATH = re.compile(r"/webhooks/(?P<kind>[^/]+)(?:/(?P<source>[^/]+))?")
REFUSED: Mapping[int, Mapping[str, str]] = {
    400: {
        "error": "the body is no JSON object",
        "hint": "send JSON, or a form whose field `payload` holds it",
    },
    401: {
        "error": "the signature does not verify",
        "hint": "see the source's secret; unsigned events need `allowUnsigned = true`",
    },
}
ACCEPTED = answers(fields(ok={"type": "boolean"}, matched=NUMBER, skipped=NUMBER), 400, 401, 404, 429)  # fmt: skip
REPLAYED = answers(
    fields(ok={"type": "boolean"}, matched=NUMBER, skipped=NUMBER, replayReceiptId=TEXT),
    400, 404, 409,
)  # fmt: skip


def reception_of(desk: Desk) -> Reception:
    return Reception(Intake(desk, cache(wiring.webhook_provider)))


class Door:
    """ASGI middleware: deliveries go straight to `deliver`, everything else goes on."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"] if scope["type"] == "http" and scope["method"] == "POST" else ""
        if (place := PATH.fullmatch(path)) is None:
            return await self._app(scope, receive, send)
        scope["path_params"] = place.groupdict()
        answer = await deliver(Request(scope, receive))
        return await answer(scope, receive, send)


# One function for both paths.  FastAPI is told the parameters by hand, since it sees only the request.
def _named(*names: str) -> dict[str, Any]:
    shape = {"in": "path", "required": True, "schema": TEXT}
    content = {"application/json": {"schema": OBJECT}}
    parameters = [{"name": name, **shape} for name in names]
    return {"parameters": parameters, "requestBody": {"required": True, "content": content}}


@router.post("/webhooks/{kind}", responses=ACCEPTED, openapi_extra=_named("kind"))
@router.post(
    "/webhooks/{kind}/{source}", responses=ACCEPTED, openapi_extra=_named("kind", "source")
)
async def deliver(request: Request) -> Response:
    """A webhook.  When it is answered with 2xx, it and the runs that it asks for are on disk.  Without a source, that
    source of the type is meant whose secret verifies it."""
    reception: Reception = request.app.state.reception
    try:
        body = await whole_body(request.scope, request.receive)
    except TooLarge:
        return too_large(request.scope)
    except ClientDisconnect:
        return Response(status_code=400)  # nobody reads it
    outcome = await reception.judge(_arrival(request, body))
    return _answer(outcome, await reception.recorded(outcome))


@router.get("/webhooks/{kind}", responses=answers(OBJECT, 400, 404))
def probe(request: Request, kind: str) -> Mapping[str, Any]:
    """A sender's look at whether we are there and know its secret (X's challenge-response check)."""
    return _intake(request).answer_to(kind, None, request.query_params)


@router.get("/webhooks/{kind}/{source}", responses=answers(OBJECT, 400, 404))
def probe_source(request: Request, kind: str, source: str) -> Mapping[str, Any]:
    """The same of one source."""
    return _intake(request).answer_to(kind, source, request.query_params)


@router.post("/api/webhooks/{receipt}/replay", responses=REPLAYED)
async def replay(request: Request, receipt: str) -> Response:
    """Act on it again, under a new receipt.  It was verified when it came in."""
    reception: Reception = request.app.state.reception
    old = await run_in_threadpool(_stored, request, receipt)
    outcome = await run_in_threadpool(reception.intake.replay, old)
    return _answer(outcome, await reception.recorded(outcome))


def _intake(request: Request) -> Intake:
    reception: Reception = request.app.state.reception
    return reception.intake


def _stored(request: Request, receipt: str) -> Delivery:
    found = _intake(request).desk.services.ledger.deliveries.get(receipt)
    if found is None:
        raise NotFound(
            f"there is no receipt {receipt[:64]!r}", hint="each delivery's answer has one"
        )
    return found


def _arrival(request: Request, body: bytes) -> Arrival:
    headers = {k.decode("latin-1"): v.decode("latin-1") for k, v in request.scope["headers"]}
    return Arrival(
        type=request.path_params["kind"],
        source=request.path_params.get("source"),
        request=WebhookRequest(headers=headers, body=body),
        address=lambda: address_of(request.scope, request.app.state.trusted),
    )


def _answer(outcome: Outcome, accepted: Accepted | None) -> Response:
    if outcome.status == 429:
        return too_many("too many deliveries came from your address", outcome.retry_after)
    if outcome.status in REFUSED:
        return JSONResponse(REFUSED[outcome.status], status_code=outcome.status)
    if accepted is None or outcome.delivery is None:
        return JSONResponse(outcome.reply)
    told: dict[str, Any] = {"ok": True, "matched": len(outcome.work), "skipped": outcome.skipped}
    if accepted.duplicate_of is not None:
        told |= {"matched": 0, "skipped": 0, "duplicate": True}
    key = "receipt" if outcome.delivery.replay_of is None else "replayReceiptId"
    receipt = accepted.duplicate_of or accepted.receipt
    return JSONResponse(told | {key: receipt, **outcome.reply})
