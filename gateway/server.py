"""The gateway as a program that listens: `python -m gateway.server` answers on $PORT until it is told to end.

So Cloud Run runs it (https://cloud.google.com/run/docs/container-contract).  Answers are not held back: a stream of log
lines goes on until its run has ended, or for as long as a request may take there.
"""

import os

from toolkit.core.errors import ConfigError

from .log_lines import log_to_stdout

# A request may take no longer than its service's timeout, at most an hour
# (https://cloud.google.com/run/docs/configuring/request-timeout); a follower reconnects after what is a little less.
LONGEST = 3540.0  # seconds
# Between SIGTERM and SIGKILL are 10 (https://cloud.google.com/run/docs/container-contract#instance-shutdown).
LAST_SECONDS = 5
DEFAULT_PORT = 8080  # Cloud Run's, too


def main() -> None:
    """Serve until SIGTERM: then nothing new is taken, and streams are broken off, which their followers bear."""
    import uvicorn

    from .app import create_app
    from .deployment import load, place
    from .memory import settle
    from .sse import Pace

    log_to_stdout()
    app = create_app(load(place()), pace=Pace(longest=LONGEST))
    settle()
    uvicorn.run(
        app,
        host=host(),
        port=port(os.environ.get("PORT")),
        log_config=None,  # ours is there already
        access_log=False,  # it would have the query in it
        server_header=False,
        proxy_headers=False,  # uvicorn would believe every process on this machine; rates.py asks the configuration
        timeout_graceful_shutdown=LAST_SECONDS,
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
