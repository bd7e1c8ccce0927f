"""What became of runs and webhooks: rows in pages, and sums."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends

from gateway.inputs import choices, flag, moment, names, page, target, whole
from gateway.openapi import NUMBER, answers, fields, listing
from gateway.runs_auth import AtDesk
from toolkit.core.errors import NotFound
from toolkit.core.run import Run, RunId
from toolkit.core.sources import reported
from toolkit.core.work import Delivery, DeliveryState
from toolkit.scheduler import history, past, views
from toolkit.scheduler.desk import Desk
from toolkit.scheduler.history import MOST_RUNS, Filter, Result

router = APIRouter(prefix="/api/stats")
KINDS = ("schedule", "manual", "webhook", "agent")
RUNS_A_PAGE, MOST_RUNS_A_PAGE = 10, 100
MOST_DEAD = 1_000  # dead letters that one feed looks at
PAGED = {"total": NUMBER, "limit": NUMBER, "offset": NUMBER, "complete": {"type": "boolean"}}
OPTIONAL = {"type": ["object", "null"]}


def wanted(
    agent: str | None = None,
    triggerType: str | None = None,  # noqa: N803 - the query's own name
    status: str | None = None,
    since: str | None = None,
) -> Filter:
    """Raises UsageError, and ConfigError for what can be no agent's name."""
    return Filter(
        agents=frozenset() if agent == "all" else names(agent),
        kinds=choices("triggerType", triggerType, KINDS),
        results=choices("status", status, tuple(Result)),
        since=history.since(moment("since", since)),
    )


Wanted = Annotated[Filter, Depends(wanted)]


@router.get(
    "/agents/{agent}/runs",
    responses=answers(fields(runs=listing(), total=NUMBER, page=NUMBER, limit=NUMBER), 400, 404),
)
def runs_of_agent(
    desk: AtDesk, agent: str, page: str | None = None, limit: str | None = None
) -> dict[str, Any]:
    """The runs of an agent that are over, newest first."""
    number = whole("page", page, 1, most=MOST_RUNS)
    most = whole("limit", limit, RUNS_A_PAGE, most=MOST_RUNS_A_PAGE)
    name, ledger = target(agent).agent, desk.services.ledger
    found = past.over(ledger, name, limit=most, offset=(number - 1) * most)
    if not found.total and not ledger.runs(agent=name, limit=1):
        desk.roster().post(agent)  # of one that was removed there may still be runs
    return {
        "runs": [views.run(r) for r in found.rows],
        "total": found.total,
        "page": number,
        "limit": most,
    }


@router.get("/agents/{agent}/runs/{run}", responses=answers(fields(run=OPTIONAL), 400))
def run_of_agent(desk: AtDesk, agent: str, run: str) -> dict[str, Any]:
    """One run; null when it is unknown."""
    whose = target(agent, run)
    record = desk.services.ledger.get(RunId(run))
    known = record is not None and record.agent == whose.agent
    return {"run": views.run(reported(record, desk.services.ledger)) if record and known else None}


@router.get(
    "/summary", responses=answers(fields(totals=OPTIONAL, agents=listing(), calls=listing()), 400)
)
def sums(desk: AtDesk, only: Wanted) -> dict[str, Any]:
    """Sums over runs, of all and by agent, and who called whom."""
    return views.sums(past.sums(desk.services.ledger, only), _calls(desk, only))


@router.get("/triggers", responses=answers(fields(triggers=listing(), **PAGED), 400))
def triggers(
    desk: AtDesk,
    only: Wanted,
    limit: str | None = None,
    offset: str | None = None,
    all: str | None = None,  # noqa: A002 - the query's own name
) -> dict[str, Any]:
    """Why runs started, those that go on first; with `all` also webhooks that came to nothing."""
    most, skipped = page(limit, offset)
    dead = _dead(desk) if flag("all", all) else ()
    found = past.newest(desk.services.ledger, only.one)
    rows = history.activity(found, dead, only)
    return {
        "triggers": [views.row(r) for r in history.cut(rows, limit=most, offset=skipped)],
        "total": len(rows),
        "limit": most,
        "offset": skipped,
        "complete": past.complete(found),
    }


@router.get(
    "/jobs",
    responses=answers(
        fields(jobs=listing(), pending={"type": "object"}, totalPending=NUMBER, **PAGED), 400
    ),
)
def jobs(
    desk: AtDesk, only: Wanted, limit: str | None = None, offset: str | None = None
) -> dict[str, Any]:
    """Runs that started, and how many wait, by agent."""
    most, skipped = page(limit, offset)
    found = past.newest(desk.services.ledger, only.one)
    rows = [r for r in found if only.wants(r)]
    waiting = [r for r in rows if history.result(r) is Result.PENDING]
    begun = [r for r in rows if history.result(r) is not Result.PENDING]
    return {
        "jobs": [views.run(r) for r in history.cut(begun, limit=most, offset=skipped)],
        "total": len(begun),
        "pending": history.counted(waiting, lambda r: r.agent),
        "totalPending": len(waiting),
        "limit": most,
        "offset": skipped,
        "complete": past.complete(found),
    }


@router.get(
    "/activity", responses=answers(fields(rows=listing(), pendingCount=NUMBER, **PAGED), 400)
)
def activity(
    desk: AtDesk, only: Wanted, limit: str | None = None, offset: str | None = None
) -> dict[str, Any]:
    """All that happened: what waits, what goes on, then what is over, newest first."""
    most, skipped = page(limit, offset)
    found = past.newest(desk.services.ledger, only.one)
    rows = history.activity(found, _dead(desk), only)
    waiting = sum(isinstance(r, Run) and history.result(r) is Result.PENDING for r in rows)
    return {
        "rows": [views.row(row) for row in history.cut(rows, limit=most, offset=skipped)],
        "total": len(rows),
        "pendingCount": waiting,
        "limit": most,
        "offset": skipped,
        "complete": past.complete(found),
    }


@router.get("/webhooks/{receipt}", responses=answers(fields(receipt=OPTIONAL), 404))
def webhook(desk: AtDesk, receipt: str) -> dict[str, Any]:
    """One webhook as it came in."""
    found = desk.services.ledger.deliveries.get(receipt)
    if found is None:
        raise NotFound(
            f"there is no webhook {receipt[:64]!r}", hint="GET /api/stats/activity lists them"
        )
    return {"receipt": views.delivery(found)}


def _dead(desk: Desk) -> Sequence[Delivery]:
    deliveries = desk.services.ledger.deliveries
    found: Sequence[Delivery] = deliveries.list(state=DeliveryState.DEAD, limit=MOST_DEAD).rows
    return found


def _calls(desk: Desk, only: Filter) -> list[Any]:
    calls = desk.services.ledger.calls.recent(limit=MOST_RUNS)
    return [call for call in calls if only.wants_call(call)]
