"""The gateway as a program that listens: `python -m gateway.server` answers on $PORT until it is told to end.

So Cloud Run runs it (https://cloud.google.com/run/docs/container-contract).  Answers are not held back: a stream of log
lines goes on until its run has ended, or for as long as a request may take there.  It is the environment's scheduler, too,
in one of two ways (standing.py).
"""

import os
import signal
from functools import partial

from starlette.types import ASGIApp

from toolkit.clouds.gcp import cloud_of
from toolkit.core.errors import ConfigError
from toolkit.core.gcp_names import GcpNames, account_email
from toolkit.core.names import GATEWAY
from toolkit.wiring import Services

from .auth import KeyRing, stored_key
from .log_lines import log_to_stdout
from .standing import scheduling
from .tick import Callers, Door, call_on

# A request may take no longer than its service's timeout, at most an hour
# (https://cloud.google.com/run/docs/configuring/request-timeout); a follower reconnects after what is a little less.
LONGEST = 3540.0  # seconds
# Between SIGTERM and SIGKILL are 10 (https://cloud.google.com/run/docs/container-contract#instance-shutdown).
LAST_SECONDS = 5
DEFAULT_PORT = 8080  # Cloud Run's, too


def main() -> None:
    """Serve until SIGTERM: then nothing new is taken, and streams are broken off, which their followers bear."""
    import uvicorn

    from .deployment import load, place
    from .listening import configured
    from .memory import settle

    log_to_stdout()
    app = served(load(place()))
    settle()
    where = {"host": host(), "port": port(os.environ.get("PORT"))}
    uvicorn.Server(configured(app, ending=LAST_SECONDS, **where)).run()


def served(services: Services) -> ASGIApp:
    """The application behind the door for ticks, with the scheduler that both are served by."""
    from .app import create_app, recorded_desk
    from .sse import Pace

    callers = callers_of(services)
    scheduler = scheduling(
        recorded_desk(services),
        os.environ,
        call_on=partial(call_on, callers),
        failed=partial(os.kill, os.getpid(), signal.SIGTERM),
    )
    app = create_app(services, desk=scheduler.desk, pace=Pace(longest=LONGEST))
    return Door(app, scheduler, callers, app.state.trusted)


def callers_of(services: Services) -> Callers:
    """Who may tick this environment's gateway."""
    scope, cloud = services.environment.scope, cloud_of(services.environment)
    return Callers(
        keys=KeyRing(stored_key(services.context, services.store)),
        account=account_email(GcpNames(scope).service_account(GATEWAY), cloud.project),
        url=lambda: (services.ledger.fact("gateway") or {}).get("url"),
    )


def port(given: str | None) -> int:
    """The port to listen on.  Raises ConfigError."""
    if given and not (given.isdecimal() and 0 < int(given) < 65536):
        raise ConfigError(f"PORT={given!r} is no port", hint="set it to a number below 65536")
    return int(given or DEFAULT_PORT)


def host() -> str:
    """Every interface, as Cloud Run demands; in the embedded cloud, which isolates nothing, only this machine's own."""
    return "127.0.0.1" if "AL_GCP_ENDPOINT" in os.environ else "0.0.0.0"  # noqa: S104


if __name__ == "__main__":
    main()
