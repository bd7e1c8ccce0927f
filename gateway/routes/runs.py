"""The environment's runs, as everyone's ledger has them.  Of a secret only its receipt is told, never its name."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request

from gateway.inputs import flag, target, whole
from gateway.openapi import OBJECT, answers, fields, listing
from toolkit.core.errors import NotFound
from toolkit.core.run import Run, RunId
from toolkit.core.sources import Records, reported

router = APIRouter(prefix="/api")
RUNS, MOST_RUNS = 50, 200


def records(request: Request) -> Records:
    found: Records = request.app.state.records
    return found


Ledger = Annotated[Records, Depends(records)]


@router.get("/runs", responses=answers(fields(runs=listing()), 400))
def list_runs(
    ledger: Ledger, agent: str | None = None, active: str | None = None, limit: str | None = None
) -> dict[str, Any]:
    """Newest first; with `active` only those that go on."""
    name = target(agent).agent if agent else None
    most = whole("limit", limit, RUNS, most=MOST_RUNS)
    going_on = flag("active", active)
    runs = [reported(r, ledger) for r in ledger.runs(agent=name, active=going_on, limit=most)]
    return {"runs": [view(run) for run in runs if not (going_on and run.state.final)]}


@router.get("/runs/{run}", responses=answers(fields(run=OBJECT), 400, 404))
def show_run(ledger: Ledger, run: str) -> dict[str, Any]:
    record = ledger.get(RunId.parse(run))
    if record is None:
        raise NotFound(f"there is no run {run}", hint="GET /api/runs lists them")
    return {"run": view(reported(record, ledger))}


def view(run: Run) -> dict[str, Any]:
    """A run in JSON: what `al run --json` prints of it, and when and why it was."""
    receipt = run.receipt
    return {
        "agent": run.agent,
        "run": run.id,
        "runtime": run.runtime,
        "trigger": run.trigger.value,
        "state": run.state.value,
        "exit_code": run.exit_code,
        "seconds": run.seconds,
        "created": run.created,
        "started": run.started,
        "finished": run.finished,
        "cause": run.cause.value if run.cause else None,
        "reason": run.reason,
        "return_value": run.return_value,
        "image": run.image,
        "secret": {
            "created": receipt.created,
            "read": receipt.read,
            "deleted": receipt.deleted,
            "verified_absent": receipt.verified_absent,
        },
    }
