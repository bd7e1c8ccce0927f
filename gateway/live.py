"""What goes on now, as pages and streams are told it: one look for all who ask at the same moment."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from starlette.requests import Request

from toolkit.core.clock import iso
from toolkit.core.environment import AwsCloud, Environment, GcpCloud
from toolkit.scheduler import views
from toolkit.scheduler.cron import next_start
from toolkit.scheduler.desk import Desk
from toolkit.scheduler.roster import Roster
from toolkit.scheduler.status import Seen, look

RECENT_LINES = 20


def seen(request: Request) -> Seen:
    """One look at the books, shared for a moment."""
    desk: Desk = request.app.state.desk

    def load() -> Seen:
        found = look(desk.services.ledger, desk.roster(), desk.clock())
        # on some platforms a container cannot write what it says where the ledger is
        return replace(found, said={**request.app.state.relayed.said(), **found.said})

    found: Seen = request.app.state.shared.get("status", load, lambda _: True)
    return found


def status(request: Request) -> dict[str, Any]:
    """As GET /control/status answers."""
    return views.status(seen(request), next_start, about(request))


def snapshot(request: Request) -> dict[str, Any]:
    """As the dashboard is told it, again and again."""
    told = status(request)
    return {
        "agents": told["agents"],
        "schedulerInfo": told["scheduler"],
        "recentLogs": request.app.state.recent.last(RECENT_LINES),
        "instances": told["instances"],
    }


def about(request: Request) -> dict[str, Any]:
    """What this process knows of itself; addresses are those under which it was asked."""
    desk: Desk = request.app.state.desk
    environment, roster = desk.services.environment, desk.roster()
    base = (environment.gateway_url or str(request.base_url)).rstrip("/")
    return {
        "projectName": environment.scope.project,
        "mode": environment.name,
        "running": True,
        "runtime": _where(environment),
        "gatewayPort": request.url.port,
        "gateway": base,
        "webhookUrls": [f"{base}/webhooks/{s.type}/{s.name}" for s in _used(roster)],
        "dashboardUrl": f"{base}/dashboard",
        "startedAt": iso(request.app.state.began),
        "initializing": False,
    }


def _where(environment: Environment) -> str:
    kind = {AwsCloud: "aws", GcpCloud: "gcp"}
    return kind[type(environment.cloud)] if environment.cloud else "local"


def _used(roster: Roster) -> list[Any]:
    wanted = {hook.source for post in roster.posts.values() for hook in post.webhooks}
    return [source for name, source in sorted(roster.sources.items()) if name in wanted]


def invalidated(old: Mapping[str, Any] | None, new: Mapping[str, Any]) -> list[dict[str, str]]:
    """What a page has to ask for again, now that `new` follows `old`."""
    if old is None:
        return []
    kinds = [kind for kind, part in _PARTS.items() if part(old) != part(new)]
    runs = {i["id"]: i["agentName"] for s in (old, new) for i in s["instances"]}
    gone = {i["id"] for i in old["instances"]} ^ {i["id"] for i in new["instances"]}
    return [
        *({"type": kind} for kind in kinds),
        *({"type": "instance", "agent": runs[run], "instanceId": run} for run in sorted(gone)),
    ]


_PARTS: Mapping[str, Callable[[Mapping[str, Any]], object]] = {
    "runs": lambda s: [i["id"] for i in s["instances"]],
    "stats": lambda s: [(a["name"], a["lastRunAt"], a["lastRunDuration"]) for a in s["agents"]],
    "triggers": lambda s: [(a["name"], a["queuedWebhooks"]) for a in s["agents"]],
    "config": lambda s: [
        s["schedulerInfo"],
        *((a["name"], a["enabled"], a["scale"], a["triggers"], a["schedule"]) for a in s["agents"]),
    ],
}
