"""A run ends itself, because something is badly wrong: its agent was asked to misuse its credentials, for instance."""

import logging
from typing import Any

from fastapi import APIRouter

from gateway.openapi import TEXT, answers, body, fields
from gateway.runs_auth import REFUSALS, Asking, AtDesk
from toolkit.scheduler.stopping import stop_run

LOG = logging.getLogger("al.gateway")
router = APIRouter()


@router.post(
    "/shutdown",
    responses=answers(fields(killed={"type": "boolean"}, container=TEXT), 409, *REFUSALS),
    openapi_extra=body(secret=TEXT, reason=TEXT, details={}),
)
def shut_down(desk: AtDesk, asker: Asking) -> dict[str, Any]:
    """The run's stop flag is up and its platform has been told; what it held is freed when it has really ended."""
    reason = asker.body.get("reason") or "no reason given"
    LOG.warning("%s shuts itself down: %.500r", asker.run.id, reason)
    stop_run(desk, asker.run)
    return {"killed": True, "container": asker.run.id}
