"""`al ps`: each hired agent with its state, and how long it has had its credentials.  Reads; turns nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from toolkit.core.agent import Agent, CredentialRef
from toolkit.core.clock import from_iso, iso
from toolkit.core.errors import AlError
from toolkit.core.run import Run
from toolkit.credentials import resolve
from toolkit.ops import control
from toolkit.ops.hire.vault import TYPE
from toolkit.ops.up import hired
from toolkit.scheduler.cron import next_start
from toolkit.scheduler.history import Result, result
from toolkit.scheduler.status import Seen, Standing, look, standing
from toolkit.wiring import Services

SILENT = timedelta(minutes=10)  # without a line, before a run counts as stalled


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """`state` is down, off, idle, working, queued or stalled; `detail` says more of it.  Times are ISO; `restarts` counts
    the runs that failed, one after the other, until now."""

    name: str
    roles: tuple[str, ...]
    backend: str
    state: str
    detail: str
    last_run: str | None
    restarts: int
    credential_since: str | None


def rows(services: Services, moment: datetime) -> tuple[Row, ...]:
    """Every hired agent, by name.  Raises UsageError where nobody is hired, NotFound before the first push to a cloud."""
    agents = hired(services)
    desk = control.here(services)
    seen = look(services.ledger, desk.roster(), moment)
    there = (agent for name, agent in sorted(agents.items()) if name in seen.roster.posts)
    return tuple(_row(services, agent, seen) for agent in there)


def _row(services: Services, agent: Agent, seen: Seen) -> Row:
    now = standing(seen, agent.name, next_start)
    state, detail = _state(services, now, seen)
    last = now.instances[0] if now.instances else now.last
    return Row(
        name=agent.name,
        roles=agent.hired.roles if agent.hired else (),
        backend=backend(agent),
        state=state,
        detail=detail,
        last_run=(last.started or last.created) if last else None,
        restarts=_restarts(seen, agent),
        credential_since=_since(services, agent),
    )


def backend(agent: Agent) -> str:
    """Whose model it works with: the server's host and port, else the provider."""
    if not agent.models:
        return "script" if agent.script else "default"
    model = agent.models[0]
    return urlsplit(model.base_url).netloc if model.base_url else model.provider


def _state(services: Services, now: Standing, seen: Seen) -> tuple[str, str]:
    if now.instances:
        return _working(services, now.instances[0], now.said, seen.moment)
    idle = seen.switches.idle(now.post)
    if idle:
        up = now.post.agent in seen.switches.up
        return ("off" if up else "down"), (idle if up else f"al up {now.post.agent}")
    if now.queued:
        return "queued", f"{now.queued} waiting"
    off = "" if now.enabled else f"paused: al resume {now.post.agent}"
    return "idle", off or (f"last failed: {now.trouble}" if now.trouble else "")


def _working(services: Services, run: Run, said: str | None, moment: datetime) -> tuple[str, str]:
    try:
        spoke = _spoke(services, run)
    except AlError as error:  # of one platform; the other agents are told of all the same
        return "working", f"{said or run.id}; its log could not be read: {error.message}"
    silent = moment - spoke if spoke else timedelta()
    if silent < SILENT:
        return "working", said or str(run.id)
    return "stalled", f"{run.id} has said nothing for {int(silent.total_seconds() // 60)} min"


def _spoke(services: Services, run: Run) -> datetime | None:
    """When the run's newest line came; its start while there is none, and None before it has begun."""
    if run.handle is None:
        return None
    newest = next(iter(services.runtime(run.handle.runtime).tail(run.handle)), None)
    if newest is not None:
        return datetime.fromtimestamp(newest.time / 1000, UTC)
    return from_iso(run.started) if run.started else None


def _restarts(seen: Seen, agent: Agent) -> int:
    over = sorted(
        (run for run in seen.recent if run.agent == agent.name),
        key=lambda run: run.finished or run.created,
        reverse=True,
    )
    count = 0
    for run in over:
        if result(run) is not Result.ERROR:
            break
        count += 1
    return count


def _since(services: Services, agent: Agent) -> str | None:
    """When the oldest of what it holds was stored on this machine; None where it holds nothing, or a cloud has it."""
    wanted = (*agent.credentials, *resolve.required(agent))
    times = [
        stored.created
        for ref in dict.fromkeys(wanted)
        for stored in services.local_store.list(f"{ref.type}/{ref.instance}/")
        if stored.created and _rotates(ref, stored.name)
    ]
    return iso(min(times)) if times else None


def _rotates(ref: CredentialRef, name: str) -> bool:
    """Addresses and names stay; what is renewed tells the age."""
    return ref.type != TYPE or name.endswith(("/token", "/password"))


def plain(found: Sequence[Row]) -> list[Mapping[str, object]]:
    """For `--json`."""
    return [
        {
            "name": row.name,
            "roles": list(row.roles),
            "backend": row.backend,
            "state": row.state,
            "detail": row.detail,
            "lastRunAt": row.last_run,
            "restarts": row.restarts,
            "credentialSince": row.credential_since,
        }
        for row in found
    ]
