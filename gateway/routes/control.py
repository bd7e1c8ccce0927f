"""Turning what runs: pause, resume, scale, trigger, kill, stop; and what goes on now."""

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Request
from starlette.background import BackgroundTask
from starlette.responses import JSONResponse

from gateway.inputs import Body, count_in, text_in
from gateway.live import seen, status
from gateway.openapi import NUMBER, TEXT, answers, body, fields, listing
from gateway.runs_auth import AtDesk
from toolkit.core.agent import AgentName
from toolkit.core.run import RunId
from toolkit.scheduler import control, views, wording
from toolkit.scheduler.status import instances

router = APIRouter(prefix="/control")
YES = {"type": "boolean"}
DONE = fields(success=YES, message=TEXT)
SCALED = fields(success=YES, message=TEXT, scale=NUMBER)
STATUS = fields(
    scheduler={"type": "object"},
    instances=listing(),
    agents=listing(),
    running=NUMBER,
    queueSizes={"type": "object"},
    backends=listing(),
)
NO_SCHEDULER = {
    "error": "no scheduler runs in this gateway's process, so there is nothing to stop",
    "hint": "`al pause` (POST /control/pause) keeps anything from starting",
}


@router.get("/status", responses=answers(STATUS))
def show_status(request: Request) -> dict[str, Any]:
    """The scheduler, the agents, what runs and what waits."""
    return status(request)


@router.get("/instances", responses=answers(fields(instances=listing())))
def show_instances(request: Request) -> dict[str, Any]:
    """What runs now, newest first."""
    return {"instances": [views.instance(run) for run in instances(seen(request))]}


@router.post("/pause", responses=answers(DONE))
def pause(desk: AtDesk) -> dict[str, Any]:
    """Nothing starts any more, until it is resumed, also over restarts; what runs goes on, and webhooks wait."""
    control.pause(desk)
    return _done(wording.paused())


@router.post("/resume", responses=answers(DONE))
def resume(desk: AtDesk) -> dict[str, Any]:
    """What has waited starts."""
    control.resume(desk)
    return _done(wording.resumed())


@router.post("/stop", responses=answers(DONE))
def stop(request: Request) -> JSONResponse:
    """End the scheduler and the gateway in this process, after this answer."""
    ending: Callable[[], None] | None = request.app.state.stop
    if ending is None:
        return JSONResponse(NO_SCHEDULER, status_code=503)
    return JSONResponse(_done("stopping"), background=BackgroundTask(ending))


@router.post(
    "/trigger/{agent}",
    responses=answers(fields(success=YES, message=TEXT, instanceId=TEXT), 400, 404, 409),
    openapi_extra=body(prompt=TEXT, llmProvider=TEXT, llmModel=TEXT),
)
def trigger(desk: AtDesk, agent: str, asked: Body) -> dict[str, Any]:
    """Queue a run by hand; `instanceId` is the run's, and stays it.  `llmModel` and `llmProvider` are for this run alone."""
    run = control.start(
        desk,
        agent,
        text_in(asked, "prompt"),
        llm_provider=text_in(asked, "llmProvider"),
        llm_model=text_in(asked, "llmModel"),
    )
    return _done(f"{run} is queued", instanceId=run)


@router.post("/kill/{run}", responses=answers(DONE, 400, 404))
def kill(desk: AtDesk, run: str) -> dict[str, Any]:
    """End one run, also one that waits or is being launched."""
    return _done(control.kill(desk, RunId.parse(run)))


@router.post("/project/scale", responses=answers(SCALED, 400), openapi_extra=body(scale=NUMBER))
def scale_project(desk: AtDesk, asked: Body) -> dict[str, Any]:
    """How many runs at once, of all agents, from now on."""
    most = count_in(asked, "scale", most=control.MOST_SCALE)
    control.scale_all(desk, most)
    return _done(wording.scaled(most), scale=most)


@router.post(
    "/agents/{agent}/scale", responses=answers(SCALED, 400, 404), openapi_extra=body(scale=NUMBER)
)
def scale_agent(desk: AtDesk, agent: str, asked: Body) -> dict[str, Any]:
    """How many runs of the agent at once, from now on."""
    most = count_in(asked, "scale", most=control.MOST_SCALE)
    control.scale(desk, agent, most)
    return _done(wording.scaled(most, AgentName(agent)), scale=most)


@router.post(
    "/agents/{agent}/kill", responses=answers(fields(success=YES, message=TEXT, killed=NUMBER), 404)
)
def kill_agent(desk: AtDesk, agent: str) -> dict[str, Any]:
    """End all runs of the agent; what waits in its queue stays there."""
    ended = control.kill_all(desk, agent)
    return _done(control.asked(len(ended), agent), killed=len(ended))


@router.post("/agents/{agent}/pause", responses=answers(DONE, 404))
def pause_agent(desk: AtDesk, agent: str) -> dict[str, Any]:
    """Nothing of the agent starts any more; its webhooks wait."""
    control.disable(desk, agent)
    return _done(wording.paused(AgentName(agent)))


@router.post("/agents/{agent}/resume", responses=answers(DONE, 404))
def resume_agent(desk: AtDesk, agent: str) -> dict[str, Any]:
    """What has waited starts."""
    control.enable(desk, agent)
    return _done(wording.resumed(AgentName(agent)))


@router.post("/agents/{agent}/disable", responses=answers(DONE, 404))
def disable(desk: AtDesk, agent: str) -> dict[str, Any]:
    """As pause."""
    control.disable(desk, agent)
    return _done(wording.disabled(AgentName(agent)))


@router.post("/agents/{agent}/enable", responses=answers(DONE, 404))
def enable(desk: AtDesk, agent: str) -> dict[str, Any]:
    """As resume."""
    control.enable(desk, agent)
    return _done(wording.enabled(AgentName(agent)))


def _done(message: str, **more: Any) -> dict[str, Any]:
    return {"success": True, "message": message, **more}
