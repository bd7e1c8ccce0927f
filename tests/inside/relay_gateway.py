"""A gateway on loopback that answers as it is told, and remembers what it was sent."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from toolkit.inside.gateway_client import Gateway

TOKEN = "dev-1a2b3c4d." + "t" * 43


@dataclass
class Told:
    """`statuses` are for the next requests, then 200; while `mute` is set nothing is answered."""

    address: str = ""
    statuses: list[int] = field(default_factory=list)
    answer: dict[str, Any] = field(default_factory=lambda: {"ok": True, "every": 0.0})
    bodies: list[dict[str, Any]] = field(default_factory=list)
    codes: list[int] = field(default_factory=list)
    tokens: set[str] = field(default_factory=set)
    connections: int = 0
    hangs_up: bool = False  # after each answer, without saying so
    mute: threading.Event = field(default_factory=threading.Event)
    go: threading.Event = field(default_factory=threading.Event)

    @property
    def gateway(self) -> Gateway:
        found = Gateway.of({"GATEWAY_URL": self.address, "SHUTDOWN_SECRET": TOKEN})
        assert found
        return found

    @property
    def lines(self) -> list[int]:
        """The numbers of the lines that it has taken."""
        taken = zip(self.bodies, self.codes, strict=True)
        return [line["line"] for body, code in taken if code == 200 for line in body["lines"]]

    @property
    def words(self) -> list[dict[str, Any]]:
        return [{k: v for k, v in body.items() if k != "lines"} for body in self.bodies]


@contextmanager
def listening() -> Iterator[Told]:
    told = Told()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            told.connections += 1
            super().setup()

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            if told.mute.is_set():
                told.go.wait(30)
            status = told.statuses.pop(0) if told.statuses else 200
            told.tokens.add(self.headers["authorization"])
            told.bodies.append(body)
            told.codes.append(status)
            data = json.dumps(told.answer).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)
            self.close_connection = told.hangs_up

        def log_message(self, *_: object) -> None:
            """Nothing: it is the tests' own."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    told.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield told
    finally:
        told.go.set()
        server.shutdown()
        server.server_close()
        thread.join()
