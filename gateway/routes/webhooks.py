"""Webhooks: `/webhooks/{kind}` and `/webhooks/{kind}/{source}`, and the replay of a receipt (routes/stats shows it).

`Door` takes deliveries before the application's middleware and routing, which cost more than all that is done here.
"""

import re
import time
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from gateway import errors
from gateway.access import note
from gateway.auth import too_many
from gateway.bodies import Held, Refused, Share, check_length, whole_body
from gateway.delivery import Intake, Outcome
from gateway.openapi import NUMBER, OBJECT, TEXT, answers, fields
from gateway.rates import Network, address_of
from gateway.reception import Reception
from toolkit import wiring
from toolkit.core.errors import NotFound
from toolkit.core.webhook import WebhookRequest
from toolkit.core.work import Accepted, Delivery
from toolkit.scheduler.desk import Desk

router = APIRouter()
PATH = re.compile(r"/webhooks/(?P<kind>[^/]+)(?:/(?P<source>[^/]+))?")
TOO_MANY = "too many deliveries came from your address"
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
    """Deliveries from the server straight to the reception, and its answer back."""

    def __init__(self, reception: Reception, held: Held, trusted: Sequence[Network]) -> None:
        self._reception, self._held, self._trusted = reception, held, trusted

    @staticmethod
    def leads(scope: Scope) -> re.Match[str] | None:
        """The parts of a path that is a delivery's."""
        post = scope["type"] == "http" and scope["method"] == "POST"
        return PATH.fullmatch(scope["path"]) if post else None

    async def __call__(
        self, place: re.Match[str], scope: Scope, receive: Receive, send: Send
    ) -> None:
        began = time.monotonic()
        try:
            answer = await self.answer(place["kind"], place["source"], scope, receive)
        except Exception as error:
            answer = errors.response(error)
        await answer(scope, receive, send)
        note(scope, answer.status_code, began)

    async def answer(
        self, kind: str, source: str | None, scope: Scope, receive: Receive
    ) -> Response:
        """Its body is read only when somebody may be meant, and has the room in `held` until it is answered."""
        reception = self._reception
        try:
            check_length(scope)
            admission = await reception.admit(
                kind, source, lambda: address_of(scope, self._trusted)
            )
            if not admission.sources:
                return too_many(TOO_MANY, admission.retry_after)
            with Share(self._held) as share:
                request = _request(scope, await whole_body(scope, receive, share))
                outcome = await reception.judge(admission.sources, request)
                return _answer(outcome, await reception.recorded(outcome))
        except Refused as refused:
            return refused.answer
        except ClientDisconnect:
            return Response(status_code=400)  # nobody reads it


# One function for both paths, which `Door` answers before FastAPI sees them: for the description.
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
    door: Door = request.app.state.door
    place = request.path_params
    return await door.answer(place["kind"], place.get("source"), request.scope, request.receive)


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


def _request(scope: Scope, body: bytes) -> WebhookRequest:
    headers = {k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]}
    return WebhookRequest(headers=headers, body=body)


def _answer(outcome: Outcome, accepted: Accepted | None) -> Response:
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
