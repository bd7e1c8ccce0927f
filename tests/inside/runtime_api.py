"""A Lambda Runtime API on loopback: hands out events, one at a time, and keeps what is answered.

Speaks the documented HTTP (https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html), no more.
"""

import json
import queue
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True, slots=True)
class Answer:
    """How one invocation ended: kind is `response` or `error`."""

    request_id: str
    kind: str
    body: Any


@dataclass
class RuntimeApi:
    """What the test holds: events in, answers out."""

    address: str
    events: "queue.Queue[tuple[str, bytes, int]]" = field(default_factory=queue.Queue)
    answers: "queue.Queue[Answer]" = field(default_factory=queue.Queue)
    count: int = 0

    def invoke(self, event: object, *, seconds: float = 300.0) -> Answer:
        """Deliver `event` and wait for its answer; `seconds` is the function's timeout."""
        self.count += 1
        body = event if isinstance(event, bytes) else json.dumps(event).encode()
        self.events.put((f"request-{self.count}", body, int((time.time() + seconds) * 1000)))
        return self.answers.get(timeout=60)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    api: RuntimeApi

    def log_message(self, *_: object) -> None:
        """Be quiet."""

    def do_GET(self) -> None:
        request_id, body, deadline = self.api.events.get()
        self.send_response(200)
        self.send_header("Lambda-Runtime-Aws-Request-Id", request_id)
        self.send_header("Lambda-Runtime-Deadline-Ms", str(deadline))
        self.send_header("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:::function:f:1")
        self.send_header("Lambda-Runtime-Trace-Id", "Root=1-2-3")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        *_, request_id, kind = self.path.split("/")
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(202)
        self.send_header("Content-Length", "0")
        self.end_headers()
        self.api.answers.put(Answer(request_id, kind, body))


@contextmanager
def runtime_api() -> Iterator[RuntimeApi]:
    """The API, served until the test ends."""
    handler = type("Bound", (Handler,), {})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    handler.api = api = RuntimeApi(f"127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield api
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
