"""The gateway: the environment's runs and their logs over HTTP.

It reads; it starts nothing, and holds no state that the ledger and the log service do not have.
"""

from collections.abc import Callable
from functools import cache

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware

from toolkit.core.environment import GcpCloud
from toolkit.core.errors import AlError
from toolkit.core.reader import SETTLE_SECONDS, Reader
from toolkit.core.secrets import Secret
from toolkit.core.sources import Lines
from toolkit.wiring import Services

from . import errors
from .auth import Guard, KeyRing, stored_key
from .intake import AccessLog, BodyLimit
from .routes import health, later, logs, runs
from .shared import Shared, SharedLines, SharedRecords
from .sse import Pace

SETTLE_HERE = 1.0  # a log file on this machine is complete when its process has gone


def create_app(
    services: Services,
    *,
    load_key: Callable[[], Secret | None] | None = None,
    pace: Pace | None = None,
) -> FastAPI:
    """The ASGI application.  Nothing is asked of the cloud before the first request."""
    keys = KeyRing(load_key or stored_key(services.context, services.store))
    app = FastAPI(
        title="al gateway",
        docs_url="/api/docs",
        redoc_url=None,
        openapi_url="/api/openapi.json",
        redirect_slashes=False,
        middleware=[
            Middleware(AccessLog),
            Middleware(errors.Errors),
            Middleware(BodyLimit),
            Middleware(Guard, keys),
        ],
        exception_handlers={HTTPException: errors.plain, AlError: errors.told},
    )
    shared = Shared()
    app.state.records = records = SharedRecords(services.ledger, shared)

    @cache
    def lines(runtime: str) -> Lines:
        return SharedLines(services.runtime(runtime), shared)

    cloud = services.environment.cloud
    settle = SETTLE_HERE if cloud is None else SETTLE_SECONDS
    # on Google a run reports in its log alone, and whoever records its end may have gone
    in_log = isinstance(cloud, GcpCloud)
    app.state.reader = Reader(records, lines, settle=settle, last_line_ends=in_log)
    app.state.pace = pace or Pace()
    for room in (health, later, logs, runs):
        app.include_router(room.router)
    return app
