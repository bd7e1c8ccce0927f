"""What a run's container sends while it works: its lines, its status and usage, and how it ended.

The agent's own token does not open this door.  Everything arrives on a slower way as well, so nothing here is promised,
and the same may be sent twice.
"""

import json
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request

from gateway.openapi import OBJECT, TEXT, answers, body, fields, listing
from gateway.relayed import Kept
from gateway.runs_auth import REFUSALS, Asker, AtDesk, asking
from toolkit.core.clock import from_iso
from toolkit.core.errors import UsageError
from toolkit.core.run import Mailbox, RunState
from toolkit.inside.signals import MOST_STATUS
from toolkit.scheduler.desk import Desk
from toolkit.scheduler.ending import over
from toolkit.scheduler.settle import settle_as_told
from toolkit.scheduler.tokens import container_of

router = APIRouter()
MOST_BATCH = 1024**2  # bytes: 64 KiB of lines, and a report of at most 350,000
MOST_USAGE = 16 * 1024  # bytes of figures
Told = Annotated[Asker, Depends(asking(MOST_BATCH, container_of))]
WORDS = ("read", "burned", "status")  # of the mailbox, as text


@router.post(
    "/relay",
    responses=answers(fields(ok={"type": "boolean"}, every={"type": "number"}), *REFUSALS),
    openapi_extra=body(
        lines=listing(), read=TEXT, burned=TEXT, status=TEXT, usage=OBJECT, report=OBJECT
    ),
)
def relay(request: Request, desk: AtDesk, asker: Told) -> dict[str, Any]:
    """`every` in the answer: how many seconds are to be between two batches, at least."""
    relayed: Kept = request.app.state.relayed
    lines, said, usage = _lines(asker), _said(asker), _usage(asker.body.get("usage"))
    relayed.add(asker.run.id, lines)
    if said.status:
        relayed.say(asker.run.id, said.status)
    if said.report is not None:
        _end(desk, asker, said)
    elif usage:
        desk.services.ledger.update(asker.run.id, usage=usage)
    return {"ok": True, "every": relayed.every}


def _end(desk: Desk, asker: Asker, said: Mailbox) -> None:
    """Settled at once.  A run whose launch is not recorded yet is left to who launches it: its place would be lost."""
    if asker.run.handle is None:
        return
    run = settle_as_told(desk.services, asker.run, said)
    if run.state.final:
        over(desk, run)
        desk.wake()


def _lines(asker: Asker) -> list[Mapping[str, Any]]:
    lines = asker.body.get("lines", [])
    if not isinstance(lines, list) or not all(isinstance(line, dict) for line in lines):
        raise UsageError("lines is no list of objects", hint="send the lines as they are logged")
    return lines


def _said(asker: Asker) -> Mailbox:
    read, burned, status = (asker.text(n) if n in asker.body else None for n in WORDS)
    report = _report(asker.body.get("report"))
    status = status and status[:MOST_STATUS]
    return Mailbox(read=read, burned=burned, status=status, report=report)


def _report(given: Any) -> Mapping[str, Any] | None:
    """As outcome.py makes it.  Raises UsageError for anything else."""
    if given is None:
        return None
    try:
        good = (
            type(given["exit_code"]) is int
            and RunState(given["state"]).final
            and isinstance(given["reason"], str)
            and isinstance(given["return_value"], str | None)
        )
        from_iso(given["finished"])
        usage = _usage(given["usage"])
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError):
        good = False
    if not good:
        raise UsageError("report is none", hint="send it as the container writes it")
    return {**given, "usage": usage or None}


def _usage(given: Any) -> dict[str, Any]:
    """As the session counts it; {} for none.  Raises UsageError."""
    if given is None:
        return {}
    if not isinstance(given, dict) or len(json.dumps(given)) > MOST_USAGE:
        raise UsageError("usage is none", hint='send figures by name: {"totalTokens": 1}')
    return given
