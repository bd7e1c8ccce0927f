"""The gateway of `al start`: uvicorn on a thread of its own.  Addresses are taken before anything else begins."""

import logging
import socket
import threading
import time
from collections.abc import Callable, Sequence
from errno import EADDRINUSE
from typing import Any

from toolkit.core.errors import AlError, Conflict

LOG = logging.getLogger("al.start")

LOOPBACK, EVERYWHERE = "127.0.0.1", "0.0.0.0"  # noqa: S104 - only when the user asks for it
BACKLOG = 512  # connections that wait while all are busy
LAST_SECONDS = 2  # for answers under way, when the gateway ends; streams are broken off
STARTING = 30.0  # seconds


def listen(host: str, port: int) -> socket.socket:
    """0 is any free port.  Raises Conflict when the port is taken, and AlError for one that may not be had."""
    try:
        return socket.create_server((host, port), backlog=BACKLOG)
    except OSError as error:
        if error.errno == EADDRINUSE:
            raise Conflict(
                f"port {port} of {host} is in use",
                hint="end what listens there, or choose another with --port or [gateway] port",
            ) from error
        raise AlError(
            f"{host}:{port} cannot be listened on: {error.strerror}",
            hint="choose another port with --port: those below 1024 are the system's",
        ) from error


def also(host: str | None, port: int) -> socket.socket | None:
    """The same port at another address of this machine, where it has it: elsewhere it is reached otherwise."""
    if host is None:
        return None
    try:
        return socket.create_server((host, port), backlog=BACKLOG)
    except OSError as error:
        LOG.warning("containers cannot reach the gateway at %s: %s", host, error.strerror)
        return None


class Serving:
    """`app` answers at `listening` from `start` to `close`."""

    def __init__(self, app: Any, listening: Sequence[socket.socket]) -> None:
        import uvicorn

        from gateway.listening import configured

        self._server = uvicorn.Server(configured(app, ending=LAST_SECONDS))
        self._thread = threading.Thread(
            target=self._server.run,
            kwargs={"sockets": list(listening)},
            name="al-gateway",
            daemon=True,
        )

    def start(self, sleep: Callable[[float], None] = time.sleep) -> None:
        """Return when it answers.  Raises AlError when it does not."""
        self._thread.start()
        deadline = time.monotonic() + STARTING
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > deadline:
                raise AlError("the gateway did not start", hint="`al --debug start` shows more")
            sleep(0.01)

    def close(self) -> None:
        """Take nothing more; answers under way have a moment."""
        self._server.should_exit = True
        if self._thread.is_alive():
            self._thread.join(LAST_SECONDS + 3)
