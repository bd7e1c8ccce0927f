"""HTTP servers on loopback: one thread per connection, quiet, on a free port."""

import logging
import threading
from collections.abc import Callable, Iterable
from typing import Any

from moto.moto_server.werkzeug_app import MotoRequestHandler
from werkzeug.serving import BaseWSGIServer, make_server

from .calls import respond
from .guard import refusal

HOST = "127.0.0.1"
Application = Callable[..., Iterable[bytes]]


class _Quiet(MotoRequestHandler):
    """Without a line per request: requests hold names and values that are nobody's business."""

    protocol_version = "HTTP/1.1"

    def log_request(self, code: Any = "-", size: Any = "-") -> None:
        logging.getLogger("sandbox.http").debug("%s", code)


class Served:
    """An application on a port of its own, until `close()`."""

    def __init__(self, application: Application, port: int = 0) -> None:
        self._server: BaseWSGIServer = make_server(
            HOST, port, application, threaded=True, request_handler=_Quiet
        )
        self._server.daemon_threads = True  # type: ignore[attr-defined]
        self.port: int = self._server.server_port
        self.address = f"{HOST}:{self.port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def programs_only(application: Application, touch: Callable[[], None]) -> Application:
    """`application`, refusing browsers, and telling `touch` of every request."""

    def guarded(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if refused := refusal(environ):
            return respond(refused, start_response)
        touch()
        return application(environ, start_response)

    return guarded
