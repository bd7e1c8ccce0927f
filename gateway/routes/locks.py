"""Locks: a run takes a resource, keeps it and gives it back.  Nobody waits here: who is refused tries again or goes on."""

from typing import Any

from fastapi import APIRouter
from starlette.responses import JSONResponse

from gateway.openapi import NUMBER, TEXT, answers, body, fields, listing
from gateway.runs_auth import REFUSALS, Asker, Asking, AtDesk
from toolkit.core.clock import from_iso
from toolkit.core.resource import resource_key
from toolkit.core.work import Grip, Lock, LockAnswer
from toolkit.scheduler import locking

router = APIRouter(prefix="/locks")
KEY = body(secret=TEXT, resourceKey=TEXT)
TIMED = body(secret=TEXT, resourceKey=TEXT, ttl=NUMBER)
OK = {"type": "boolean"}


@router.post(
    "/acquire",
    responses=answers(fields(ok=OK, resourceKey=TEXT), 409, *REFUSALS),
    openapi_extra=TIMED,
)
def acquire(desk: AtDesk, asker: Asking) -> JSONResponse:
    """Take it, or keep it for longer.  409 says who has it, or that waiting for it can never end."""
    ledger, roster = desk.services.ledger, desk.roster()
    key, seconds = asker.text("resourceKey"), locking.seconds_of(asker.body.get("ttl"), roster)
    grip = locking.acquire(ledger, roster, asker.run, key, seconds=seconds, moment=desk.clock())
    if grip.answer is LockAnswer.HELD:
        return _ok(resourceKey=key, **_expiry(grip))
    return _refused(409, **_conflict(grip))


@router.post("/release", responses=answers(fields(ok=OK), 404, 409, *REFUSALS), openapi_extra=KEY)
def release(desk: AtDesk, asker: Asking) -> JSONResponse:
    grip = desk.services.ledger.locks.release(_key(asker), asker.run.id, moment=desk.clock())
    return _ok() if grip.answer is LockAnswer.FREED else _not_yours(grip)


@router.post(
    "/heartbeat",
    responses=answers(fields(ok=OK, expiresAt=NUMBER), 404, 409, *REFUSALS),
    openapi_extra=TIMED,
)
def heartbeat(desk: AtDesk, asker: Asking) -> JSONResponse:
    """Keep it for longer, from now on."""
    seconds = locking.seconds_of(asker.body.get("ttl"), desk.roster())
    locks = desk.services.ledger.locks
    grip = locks.heartbeat(_key(asker), asker.run.id, seconds=seconds, moment=desk.clock())
    return _ok(**_expiry(grip)) if grip.answer is LockAnswer.HELD else _not_yours(grip)


@router.get("/list", responses=answers(listing(), *REFUSALS))
def list_own(desk: AtDesk, asker: Asking) -> list[dict[str, Any]]:
    """The asker's own."""
    held = desk.services.ledger.locks.held(asker.run.id, moment=desk.clock())
    return [_plain(lock) | {"expiresAt": _ms(lock.expires)} for lock in held]


@router.get("/status", responses=answers(fields(locks=listing())))
def status(desk: AtDesk) -> dict[str, Any]:
    """Everybody's, for who has the API key."""
    held = desk.services.ledger.locks.held(moment=desk.clock())
    return {"locks": [_plain(lock) | {"agentName": lock.holder.agent} for lock in held]}


def _key(asker: Asker) -> str:
    return resource_key(asker.text("resourceKey"))


def _plain(lock: Lock) -> dict[str, Any]:
    return {"resourceKey": lock.key, "holder": lock.holder, "heldSince": _ms(lock.since)}


def _conflict(grip: Grip) -> dict[str, Any]:
    """Why somebody did not get it."""
    holder = {"holder": grip.lock.holder, "heldSince": _ms(grip.lock.since)} if grip.lock else {}
    if grip.answer is LockAnswer.DEADLOCK:
        reason = "deadlock: its holder waits, maybe through others, for what you hold"
        return {"reason": reason, "deadlock": True, "cycle": list(grip.cycle), **holder}
    if grip.answer is LockAnswer.ONE_ONLY:
        held = f" on {grip.lock.key}" if grip.lock else ""
        return {"reason": f"already holding lock{held}"}
    if grip.answer is LockAnswer.TOO_MANY:
        return {
            "reason": f"already holding {locking.MOST_LOCKS} locks: give back what is not needed"
        }
    return holder


def _not_yours(grip: Grip) -> JSONResponse:
    if grip.lock is None or grip.answer is LockAnswer.UNKNOWN:
        return _refused(404, reason="lock not found")
    return _refused(409, reason=f"held by {grip.lock.holder}", holder=grip.lock.holder)


def _expiry(grip: Grip) -> dict[str, int]:
    return {"expiresAt": _ms(grip.lock.expires)} if grip.lock else {}


def _ok(**more: Any) -> JSONResponse:
    return JSONResponse({"ok": True, **more})


def _refused(status: int, *, reason: str = "", **more: Any) -> JSONResponse:
    """`error` is what every refusal of the gateway has, `reason` what clients of the predecessor read."""
    words = {"error": reason, "reason": reason} if reason else {"error": "the lock is held"}
    return JSONResponse({"ok": False, **words, **more}, status_code=status)


def _ms(time: str) -> int:
    return round(from_iso(time).timestamp() * 1000)
