"""AWS on a bad day: an HTTP endpoint before moto at which any call of any service may fail, as real ones do.

It starts one task per clientToken, as ECS does and moto does not
(https://docs.aws.amazon.com/AmazonECS/latest/APIReference/ECS_Idempotency.html), and remembers which containers began.
"""

import json
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

import httpx

INVOKE = re.compile(r"/2015-03-31/functions/[^/]+/invocations")
XML = "<Response><Errors><Error><Code>{}</Code><Message>no</Message></Error></Errors></Response>"
SLOW = 0.05  # seconds


class Kind(StrEnum):
    """What happens to a call."""

    THROTTLED = "throttled"
    BROKEN = "broken"  # a 5xx, and nothing was done
    UNSENT = "unsent"  # the connection breaks before anything was done
    UNHEARD = "unheard"  # the connection breaks after it was done
    BROKEN_AFTER = "broken after"  # a 5xx, and it was done
    TWICE = "twice"  # the network brings it twice
    SLOW = "slow"


DONE = (Kind.UNHEARD, Kind.BROKEN_AFTER, Kind.TWICE, Kind.SLOW)
Plan = Callable[[str, int], Kind | None]


@dataclass(frozen=True)
class Began:
    """A container that the platform started."""

    run: str
    secret: str


class Trouble:
    """`plan(operation, number)` says what happens to the operation's call of that number, which begins at 1."""

    def __init__(self, target: str) -> None:
        self.target, self.plan = target, _nothing
        self.asked: Counter[str] = Counter()
        self.began: list[Began] = []
        self._client = httpx.Client(verify=False)  # noqa: S501 - moto speaks plain HTTP
        self._lock = threading.Lock()
        self._tokens: dict[str, httpx.Response] = {}

    def next(self, operation: str) -> Kind | None:
        with self._lock:
            self.asked[operation] += 1
            return self.plan(operation, self.asked[operation])

    def meet(
        self, operation: str, request: httpx.Request
    ) -> tuple[Kind | None, httpx.Response | None]:
        """What happens to a call, and moto's answer where it was done."""
        kind, answer = self.next(operation), None
        if kind is None or kind in DONE:
            answer = self.forward(operation, request)
        if kind is Kind.TWICE:
            answer = self.forward(operation, request)
        if kind is Kind.SLOW:
            time.sleep(SLOW)
        return kind, answer

    def forward(self, operation: str, request: httpx.Request) -> httpx.Response:
        if operation == "RunTask":
            return self._one_task(request)
        answer = self._sent(request)
        if operation == "Invoke" and answer.status_code < 300:
            event = json.loads(request.content)
            self.began.append(Began(event["run"], event["secret"]))
        return answer

    def _one_task(self, request: httpx.Request) -> httpx.Response:
        asked = json.loads(request.content)
        with self._lock:
            token = asked["clientToken"]
            if token not in self._tokens:
                self._tokens[token] = self._sent(request)
                (container,) = asked["overrides"]["containerOverrides"]
                env = {pair["name"]: pair["value"] for pair in container["environment"]}
                self.began.append(Began(env["AL_RUN_ID"], env["AL_SECRET"]))
            return self._tokens[token]

    def _sent(self, request: httpx.Request) -> httpx.Response:
        return self._client.send(request)


def _nothing(operation: str, number: int) -> Kind | None:
    return None


@contextmanager
def troubled(target: str) -> Iterator[tuple[str, Trouble]]:
    """(its URL, what it does)."""
    trouble = Trouble(target)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(trouble))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", trouble
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def operation_of(path: str, headers: Mapping[str, str], body: bytes) -> str:
    """As the service's reference calls it."""
    if target := headers.get("X-Amz-Target"):
        return target.rpartition(".")[2]
    if INVOKE.fullmatch(path.partition("?")[0]):
        return "Invoke"
    return parse_qs(body.decode(errors="replace")).get("Action", [path])[0]


def _handler(trouble: Trouble) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1  # headers and body in one piece

        def _any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = dict(self.headers.items())
            url = f"{trouble.target}{self.path}"
            request = httpx.Request(self.command, url, headers=headers, content=body)
            kind, answer = trouble.meet(operation_of(self.path, headers, body), request)
            self._told(kind, headers, answer)

        do_GET = do_POST = do_PUT = do_DELETE = _any  # noqa: N815 - the base class's names

        def _told(
            self, kind: Kind | None, headers: Mapping[str, str], answer: httpx.Response | None
        ) -> None:
            if kind in (Kind.UNSENT, Kind.UNHEARD):
                self.close_connection = True
                self.connection.close()
            elif kind in (Kind.THROTTLED, Kind.BROKEN, Kind.BROKEN_AFTER):
                self._answer(*_refusal(headers, throttled=kind is Kind.THROTTLED))
            elif answer is not None:
                kept = {
                    k: v for k, v in answer.headers.items() if k.startswith(("x-", "content-type"))
                }
                self._answer(answer.status_code, kept, answer.content)

        def _answer(self, status: int, headers: Mapping[str, str], content: bytes) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """Nothing: every request is in `asked`."""

    return Handler


def _refusal(headers: Mapping[str, str], *, throttled: bool) -> tuple[int, dict[str, str], bytes]:
    """In the words of the service's protocol."""
    if "X-Amz-Target" in headers:
        name = "ThrottlingException" if throttled else "InternalServerError"
        body = json.dumps({"__type": name, "message": "no"})
        return 400 if throttled else 500, {}, body.encode()
    if "x-amz-invocation-type" in {name.lower() for name in headers}:
        name = "TooManyRequestsException" if throttled else "ServiceException"
        return 429 if throttled else 500, {"x-amzn-ErrorType": name}, b'{"Message": "no"}'
    name = "RequestLimitExceeded" if throttled else "InternalError"
    return 503 if throttled else 500, {}, XML.format(name).encode()
