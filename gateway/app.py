"""The gateway: the environment's runs, their logs and their control over HTTP.

It launches nothing itself: what it is asked to start it queues (toolkit/scheduler), and it holds no state that the ledger
and the log service do not have.
"""

from collections.abc import Callable
from functools import cache

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.types import Receive, Scope, Send

from toolkit.core.environment import GcpCloud
from toolkit.core.errors import AlError
from toolkit.core.reader import Reader, settle_seconds
from toolkit.core.secrets import Secret
from toolkit.core.sources import Lines
from toolkit.scheduler.desk import Desk, recorded_roster
from toolkit.wiring import Services

from . import errors
from .access import AccessLog
from .auth import Guard, KeyRing, stored_key
from .bodies import BodyLimit, Held
from .openapi import describe
from .rates import Limiter, networks
from .recent import recent_lines
from .relayed import Kept, RelayedLines
from .routes import (
    auth,
    calls,
    control,
    dashboard,
    health,
    later,
    locks,
    logs,
    relay,
    runs,
    scheduler_log,
    shutdown,
    signals,
    stats,
    status_stream,
    webhooks,
)
from .sessions import Sessions
from .shared import Shared, SharedLines, SharedRecords
from .sse import Pace

ROSTER_SECONDS = 5.0  # how old the gateway's idea may be of what the last push recorded
# Cloud Run hands requests over on the instance's own link, where nobody else is, and names the client in
# X-Forwarded-For (https://cloud.google.com/run/docs/container-contract)
GOOGLE_FRONT_END = ("169.254.0.0/16",)
# The more particular ones come first: a path that two of them match is the first one's.
OF_RUNS = (locks, calls, signals, relay, shutdown)  # what a run asks for with its own token
ROOMS = (
    health,
    webhooks,
    auth,
    control,
    stats,
    dashboard,
    status_stream,
    scheduler_log,
    logs,
    runs,
    *OF_RUNS,
    later,
)


class Gateway(FastAPI):
    """FastAPI, behind the door for webhooks."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if (place := webhooks.Door.leads(scope)) is None:
            return await super().__call__(scope, receive, send)
        door: webhooks.Door = self.state.door
        return await door(place, scope, receive, send)


def create_app(
    services: Services,
    *,
    load_key: Callable[[], Secret | None] | None = None,
    pace: Pace | None = None,
    desk: Desk | None = None,
    stop: Callable[[], None] | None = None,
    relayed: Kept | None = None,
    held: Held | None = None,
) -> FastAPI:
    """The ASGI application.  Nothing is asked of the cloud before the first request.

    `desk` is that of the scheduler in this process, and `stop` ends the process; both are None where there is none.
    `held` counts the bodies that are under way.
    """
    desk = desk or recorded_desk(services)
    keys = KeyRing(load_key or stored_key(services.context, services.store))
    sessions = Sessions(services.ledger, keys.bind, clock=desk.clock)
    cloud = services.environment.cloud
    own = GOOGLE_FRONT_END if isinstance(cloud, GcpCloud) else ()
    trusted = networks((*services.environment.trusted_proxies, *own))
    held = held or Held()
    app = Gateway(
        title="al gateway",
        docs_url="/api/docs",
        redoc_url=None,
        openapi_url="/api/openapi.json",
        redirect_slashes=False,
        middleware=[
            Middleware(AccessLog),
            Middleware(errors.Errors),
            Middleware(BodyLimit, held),
            Middleware(Guard, keys, sessions, trusted),
        ],
        exception_handlers={HTTPException: errors.plain, AlError: errors.told},
    )
    shared = Shared()
    app.state.reception = webhooks.reception_of(desk)
    app.state.door = webhooks.Door(app.state.reception, held, trusted)
    app.state.desk, app.state.stop, app.state.shared = desk, stop, shared
    app.state.keys, app.state.sessions, app.state.trusted = keys, sessions, trusted
    app.state.log_ins = Limiter(auth.LOG_INS)
    app.state.recent = recent_lines()
    app.state.began = desk.clock()
    app.state.records = SharedRecords(services.ledger, shared)
    app.state.relayed = relayed or RelayedLines()
    app.state.reader = _reader(services, shared, app.state.relayed)
    app.state.pace = pace or Pace()
    for room in ROOMS:
        app.include_router(room.router)
    describe(app)
    return app


def recorded_desk(services: Services) -> Desk:
    """For a gateway without a scheduler beside it: what the last push recorded, looked at again every few seconds."""
    shared = Shared(ROSTER_SECONDS)
    return Desk(
        services=services,
        roster=lambda: shared.get("roster", lambda: recorded_roster(services), lambda _: True),
    )


def _reader(services: Services, shared: Shared, relayed: Kept) -> Reader:
    @cache
    def lines(runtime: str) -> Lines:
        return SharedLines(services.runtime(runtime), shared)

    cloud = services.environment.cloud

    def settle(runtime: str) -> float:
        return settle_seconds(services.of_runtime(runtime).environment)

    # on Google a run reports in its log alone, and whoever records its end may have gone
    in_log = isinstance(cloud, GcpCloud)
    records = SharedRecords(services.ledger, shared)
    return Reader(records, lines, settle=settle, last_line_ends=in_log, relayed=relayed.of)
