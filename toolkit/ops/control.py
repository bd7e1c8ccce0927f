"""Steering what runs: through the gateway where the environment has one, else by turning the ledger's own switches.

Both are the same operations (toolkit/scheduler/control.py), so it does not matter which is used: whoever schedules for the
environment acts on them.  Only stopping needs the process itself.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from toolkit.core.agent import AgentName
from toolkit.core.clock import now
from toolkit.core.errors import AlError, ConfigError, CredentialError, NotFound
from toolkit.core.run import RunId
from toolkit.ops import running
from toolkit.ops.logs.times import moment
from toolkit.ops.remote import KEY, Remote, deployed_url, gateway_key
from toolkit.scheduler import control, history, past, views, wording
from toolkit.scheduler.cron import next_start
from toolkit.scheduler.desk import Desk, recorded_roster
from toolkit.scheduler.history import MOST_RUNS, Filter
from toolkit.scheduler.roster import Roster, of_project
from toolkit.scheduler.status import look
from toolkit.wiring import Services

Answer = Mapping[str, Any]
DEFAULT_PORT = 8080


class Hands(Protocol):
    """What a verb may ask.  Answers are the gateway's JSON.  Raises NotFound, Conflict and what the way there refuses."""

    def status(self) -> Answer: ...
    def sums(self, agent: str | None, since: int | None) -> Answer: ...
    def runs(self, agent: str, limit: int) -> Answer: ...
    def pause(self, agent: AgentName | None) -> Answer: ...
    def resume(self, agent: AgentName | None) -> Answer: ...
    def kill(self, target: str, *, agent: bool) -> Answer: ...


@dataclass(frozen=True, slots=True)
class Through:
    """Through a gateway."""

    remote: Remote

    def status(self) -> Answer:
        return self.remote.get("/control/status")

    def sums(self, agent: str | None, since: int | None) -> Answer:
        return self.remote.get("/api/stats/summary", agent=agent, since=since)

    def runs(self, agent: str, limit: int) -> Answer:
        return self.remote.get(f"/api/stats/agents/{agent}/runs", limit=limit)

    def pause(self, agent: AgentName | None) -> Answer:
        return self.remote.post(f"{_of(agent)}/pause")

    def resume(self, agent: AgentName | None) -> Answer:
        return self.remote.post(f"{_of(agent)}/resume")

    def kill(self, target: str, *, agent: bool) -> Answer:
        return self.remote.post(f"{_of(target)}/kill" if agent else f"/control/kill/{target}")


@dataclass(frozen=True, slots=True)
class Directly:
    """On the environment's ledger."""

    desk: Desk

    def status(self) -> Answer:
        desk, environment = self.desk, self.desk.services.environment
        seen = look(desk.services.ledger, desk.roster(), desk.clock())
        # whether somebody schedules a deployed environment, its ledger does not say
        running = None if environment.cloud else False
        scope = environment.scope
        about = {"projectName": scope.project, "mode": scope.environment, "running": running}
        return views.status(seen, next_start, about)

    def sums(self, agent: str | None, since: int | None) -> Answer:
        ledger = self.desk.services.ledger
        wanted = Filter(agents=frozenset([agent] if agent else ()), since=history.since(since))
        calls = ledger.calls.recent(limit=MOST_RUNS)
        return views.sums(
            past.sums(ledger, wanted), [call for call in calls if wanted.wants_call(call)]
        )

    def runs(self, agent: str, limit: int) -> Answer:
        ledger = self.desk.services.ledger
        found = past.over(ledger, agent, limit=limit)
        if not found.total and not ledger.runs(agent=agent, limit=1):
            self.desk.roster().post(agent)  # of one that was removed there may still be runs
        rows = [views.run(run) for run in found.rows]
        return {"runs": rows, "total": found.total, "page": 1, "limit": limit}

    def pause(self, agent: AgentName | None) -> Answer:
        if agent:
            control.disable(self.desk, agent)
        else:
            control.pause(self.desk)
        return _done(wording.paused(agent))

    def resume(self, agent: AgentName | None) -> Answer:
        if agent:
            control.enable(self.desk, agent)
        else:
            control.resume(self.desk)
        return _done(wording.resumed(agent))

    def kill(self, target: str, *, agent: bool) -> Answer:
        if not agent:
            return _done(control.kill(self.desk, RunId.parse(target)))
        killed = len(control.kill_all(self.desk, target))
        return _done(control.asked(killed, target)) | {"killed": killed}


def hands(services: Services, *, note: Callable[[str], None]) -> Hands:
    """The way that this environment offers.  Raises NotFound where nothing was pushed yet."""
    if services.environment.cloud is None:  # its ledger is on this machine, whoever schedules
        return Directly(here(services))
    url, key = services.environment.gateway_url, gateway_key(services)
    if not (url and key):  # with both, nobody here need be able to read the ledger
        deployed = deployed_url(services)
        url = url or deployed
    if url and not key:
        note(f"this machine has no key for the gateway ({KEY}): using the ledger directly")
    return Through(Remote(url=url, key=key)) if url and key else Directly(here(services))


def here(services: Services) -> Desk:
    """A desk without a scheduler: for an environment on this machine the project's files count as they are now."""
    project = services.project
    if services.environment.cloud is None and project is not None:
        services.ledger.prepare()
        return Desk(services=services, roster=lambda: of_project(project))
    return Desk(services=services, roster=lambda: _pushed(services))


def _pushed(services: Services) -> Roster:
    try:
        return recorded_roster(services)
    except NotFound as error:
        env = services.environment.name
        raise NotFound(f"nothing has been pushed to {env} yet", hint=f"al push -E {env}") from error


def status(services: Services, *, note: Callable[[str], None]) -> Answer:
    """What goes on.  On this machine the scheduler is asked where one runs: it knows its own addresses."""
    way = hands(services, note=note)
    key = gateway_key(services) if isinstance(way, Directly) else None
    local = Remote(url=local_url(services), key=key) if key else None
    return (local and _status_of(local, services)) or way.status()


def stats(
    services: Services, agent: str | None, since: str, limit: int, *, note: Callable[[str], None]
) -> dict[str, Any]:
    """Sums since a time as users write it, and an agent's last runs since then.  Raises UsageError."""
    begin = moment("--since", since, now=now().astimezone())
    name = AgentName.parse(agent) if agent else None
    way = hands(services, note=note)
    told = dict(way.sums(name, begin))
    if name:
        rows = way.runs(name, limit)["runs"]
        told["runs"] = [row for row in rows if row["started_at"] >= begin]
    return told


def local_url(services: Services) -> str:
    """Where `al start` listens on this machine; while none runs, where it would unless it is told otherwise."""
    if scheduler := running.found(services):
        return scheduler.url
    settings = services.project.settings if services.project else {}
    return f"http://127.0.0.1:{(settings.get('gateway') or {}).get('port', DEFAULT_PORT)}"


def pause(services: Services, agent: str | None, *, note: Callable[[str], None]) -> Answer:
    """Let nothing start, or nothing of one agent.  Raises NotFound, and ConfigError for what can be no name."""
    return hands(services, note=note).pause(AgentName.parse(agent) if agent else None)


def resume(services: Services, agent: str | None, *, note: Callable[[str], None]) -> Answer:
    """Undo it."""
    return hands(services, note=note).resume(AgentName.parse(agent) if agent else None)


def kill(services: Services, target: str, *, note: Callable[[str], None]) -> Answer:
    """End all runs of an agent, or else one run.  Raises NotFound."""
    way, name, run = hands(services, note=note), *_meant(target)
    try:
        return way.kill(name, agent=True)
    except NotFound:
        if run is None:
            raise
        return way.kill(run, agent=False)


def _meant(target: str) -> tuple[AgentName, RunId | None]:
    """An agent's name, and the run's id that it may be instead.  Raises NotFound for what is neither."""
    try:
        name = AgentName.parse(target)
    except ConfigError as error:
        raise NotFound(
            f"{target!r} is neither an agent's name nor a run's id",
            hint="`al stat` shows agents and what runs",
        ) from error
    try:
        return name, RunId.parse(target)
    except ConfigError:
        return name, None


def stop(services: Services) -> Answer:
    """End the scheduler of this project and environment: on this machine, or wherever the gateway is.

    Raises NotFound where none runs, CredentialError without a key."""
    if (key := gateway_key(services)) is None:
        raise CredentialError(
            f"this machine has no key for the gateway of {services.environment.name}",
            hint=f"`al creds add gateway_api_key`, or set {KEY}",
        )
    for url in _places(services):
        remote = Remote(url=url, key=key)
        if _status_of(remote, services):
            return remote.post("/control/stop")
    raise NotFound(
        f"no scheduler of {services.environment.scope.project} runs for {services.environment.name}",
        hint="`al start` starts one; `al pause` keeps a deployed one from starting anything",
    )


def _places(services: Services) -> list[str]:
    told = (services.environment.gateway_url, _known_url(services))
    return list(dict.fromkeys(url for url in (local_url(services), *told) if url))


def _known_url(services: Services) -> str | None:
    try:
        return deployed_url(services)
    except NotFound:
        return None


def _status_of(remote: Remote, services: Services) -> Answer | None:
    """What goes on there, if it is this project's and environment's: another may listen at the same port."""
    try:
        told = remote.get("/control/status")
        where = (told["scheduler"]["projectName"], told["scheduler"]["mode"])
    except (AlError, KeyError, TypeError):
        return None
    scope = services.environment.scope
    return told if where == (scope.project, scope.environment) else None


def _of(agent: str | None) -> str:
    return f"/control/agents/{agent}" if agent else "/control"


def _done(message: str) -> dict[str, Any]:
    return {"success": True, "message": message}
