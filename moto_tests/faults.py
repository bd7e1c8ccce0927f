"""An HTTP endpoint before moto that fails as AWS does, so that every retry on the way to it is the real one."""

import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

import httpx

THROTTLED = (400, "Throttling", "Rate exceeded")
BROKEN = (500, "ServiceFailure", "The request processing has failed")
DENIED = (403, "AccessDenied", "You are not authorized to perform this")
BUSY = (409, "ConcurrentModification", "The role was changed by another request")
_ANSWER = (
    '<ErrorResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><Error><Type>Sender</Type><Code>{}</Code>'
    "<Message>{}</Message></Error><RequestId>r</RequestId></ErrorResponse>"
)
Fault = tuple[int, str, str]  # status, code, message


class Faults:
    """What fails, and what was asked."""

    def __init__(self, target: str) -> None:
        self.target = target
        self.asked: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._due: dict[str, list[Fault]] = {}
        self._after: set[str] = set()

    def fail(self, action: str, fault: Fault, times: int = 1, *, done: bool = False) -> None:
        """The next calls of IAM's `action` fail; with `done`, after moto has done what was asked."""
        with self._lock:
            self._due[action] = [fault] * times
            self._after |= {action} if done else set()

    def due(self, action: str) -> int:
        """How many of its failures are still to come."""
        return len(self._due.get(action, ()))

    def next(self, action: str) -> tuple[Fault | None, bool]:
        with self._lock:
            self.asked[action] += 1
            due = self._due.get(action)
            return (due.pop() if due else None), action in self._after


@contextmanager
def faulty(target: str) -> Iterator[tuple[str, Faults]]:
    """(its URL, what it does)."""
    faults = Faults(target)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(faults))
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", faults
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(faults: Faults) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            action = parse_qs(body.decode(errors="replace")).get("Action", [""])[0]
            fault, after = faults.next(action)
            if fault is None or after:
                done = httpx.post(
                    f"{faults.target}{self.path}", content=body, headers=_kept(self.headers)
                )
            if fault is None:
                self._answer(done.status_code, done.content)
            else:
                self._answer(fault[0], _ANSWER.format(*fault[1:]).encode())

        def _answer(self, status: int, content: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "text/xml")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """Nothing: every request is in `asked`."""

    return Handler


def _kept(headers: Mapping[str, str]) -> dict[str, str]:
    wanted = ("authorization", "content-type", "x-amz-date", "host")
    return {k: v for k, v in headers.items() if k.lower() in wanted}
