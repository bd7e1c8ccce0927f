"""The data of the dashboard's pages."""

from typing import Any

from fastapi import APIRouter, Request

from gateway.inputs import target
from gateway.live import about, seen, snapshot
from gateway.openapi import OBJECT, TEXT, answers, fields, listing
from gateway.runs_auth import AtDesk
from toolkit.core.agent import Agent
from toolkit.core.errors import NotFound
from toolkit.core.run import Run, RunId, TriggerKind
from toolkit.core.sources import reported
from toolkit.core.sums import NOTHING
from toolkit.scheduler import history, past, views
from toolkit.scheduler.cron import next_start
from toolkit.scheduler.desk import Desk
from toolkit.scheduler.roster import Post
from toolkit.scheduler.status import standing

router = APIRouter()
NULLABLE = {"type": ["object", "null"]}


@router.get(
    "/api/dashboard/status",
    responses=answers(fields(agents=listing(), schedulerInfo=OBJECT, recentLogs=listing())),
)
def show_status(request: Request) -> dict[str, Any]:
    """All agents, and what this process said last."""
    return snapshot(request)


@router.get(
    "/api/dashboard/config",
    responses=answers(fields(projectName=TEXT, webhooksActive={"type": "boolean"})),
)
def show_config(request: Request) -> dict[str, Any]:
    """The project's own settings."""
    told = views.scheduler(seen(request), about(request))
    return {k: told[k] for k in ("projectName", "projectScale", "gatewayPort", "webhooksActive")}


@router.get("/api/dashboard/agents/{agent}", responses=answers(fields(agent=OBJECT), 404))
def show_agent(request: Request, desk: AtDesk, agent: str) -> dict[str, Any]:
    """One agent: how it stands, its settings and its sums."""
    found = standing(seen(request), agent, next_start)
    wanted = history.Filter(agents=frozenset([found.post.agent]))
    mine = past.sums(desk.services.ledger, wanted).get(found.post.agent, NOTHING)
    sums = past.summary(mine)
    return {
        "agent": views.agent(found),
        "agentConfig": settings(desk, found.post),
        "summary": views.summary(sums),
        "runningInstances": [views.instance(run) for run in found.instances],
        "totalHistorical": sums.runs,
    }


@router.get(
    "/api/dashboard/agents/{agent}/skill",
    responses=answers(fields(body=TEXT, agentConfig=OBJECT), 404),
)
def show_skill(desk: AtDesk, agent: str) -> dict[str, Any]:
    """What the agent is told, where the project's files are: a deployed gateway does not have them."""
    post = desk.roster().post(agent)
    if (files := _files(desk, agent)) is None:
        raise NotFound(
            f"the instructions of {agent} are not where this gateway runs",
            hint="they are in the project, agents/<name>/SKILL.md",
        )
    return {"body": files.instructions, "agentConfig": settings(desk, post)}


@router.get(
    "/api/dashboard/agents/{agent}/instances/{run}",
    responses=answers(fields(run=NULLABLE, runningInstance=NULLABLE), 400, 404),
)
def show_instance(desk: AtDesk, agent: str, run: str) -> dict[str, Any]:
    """One run, and what started it."""
    whose = target(agent, run)
    record = _record(desk, run)
    if record.agent != whose.agent:
        raise _unknown(run)
    ended = record.state.final
    return {
        "run": views.run(record) if ended else None,
        "runningInstance": None if ended else views.instance(record),
        "parentEdge": views.caller(record) or None,
        "webhookReceipt": _receipt(desk, record),
    }


@router.get("/api/dashboard/triggers/{run}", responses=answers(fields(trigger=OBJECT), 400, 404))
def show_trigger(desk: AtDesk, run: str) -> dict[str, Any]:
    """Why a run started: the webhook, the call, or what somebody asked for."""
    record = _record(desk, run)
    told = views.trigger(record) | views.caller(record) | {"triggerContext": _context(desk, record)}
    if receipt := _receipt(desk, record):
        told["webhook"] = receipt
    return {"trigger": told}


@router.get("/dashboard/api/locks", responses=answers(fields(locks=listing())))
def show_locks(desk: AtDesk) -> dict[str, Any]:
    """Who holds what."""
    held = desk.services.ledger.locks.held(moment=desk.clock())
    return {"locks": [views.lock(lock) for lock in held]}


def settings(desk: Desk, post: Post) -> dict[str, Any]:
    """What the agent's files say, as far as this process knows them: the roster everywhere, the rest beside the project."""
    known = {
        "name": post.agent,
        "description": post.description,
        "schedule": post.timing,
        "timezone": post.timezone,
        "scale": post.scale,
        "timeout": post.timeout,
        "maxQueue": post.max_queue,
        "webhooks": [{"source": h.source, **h.filters} for h in post.webhooks],
    }
    agent = _files(desk, post.agent)
    return known | (_of_files(agent) if agent else {})


def _of_files(agent: Agent) -> dict[str, Any]:
    return {
        "models": [
            {"name": m.name, "provider": m.provider, "model": m.model} for m in agent.models
        ],
        "credentials": [str(ref) for ref in agent.credentials],
        "hooks": {"pre": list(agent.hooks_pre), "post": list(agent.hooks_post)},
        "params": dict(agent.params),
    }


def _files(desk: Desk, name: str) -> Agent | None:
    project = desk.services.project
    return next((a for a in project.agents if a.name == name), None) if project else None


def _record(desk: Desk, run: str) -> Run:
    """Raises NotFound, and UsageError for what is no run's id."""
    ledger = desk.services.ledger
    if (record := ledger.get(RunId.parse(run))) is None:
        raise _unknown(run)
    return reported(record, ledger)


def _unknown(run: str) -> NotFound:
    return NotFound(f"there is no run {run}", hint="GET /api/stats/activity lists them")


def _receipt(desk: Desk, record: Run) -> dict[str, Any] | None:
    found = desk.services.ledger.deliveries.get(record.delivery) if record.delivery else None
    return views.delivery(found) if found else None


def _context(desk: Desk, record: Run) -> str | None:
    """What whoever started it said."""
    if record.trigger is TriggerKind.CALL and record.call:
        call = desk.services.ledger.calls.get(record.call)
        return call.context if call else None
    return record.prompt
