"""Lambda's side of a function's process: the Runtime API, and the process that talks to it.

One `Environment` is one process with its own Runtime API, its own `/tmp` and its own log stream; it serves one
invocation after the other, and keeps what the function leaves in between, as Lambda's execution environments do
(https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html,
https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html).
"""

import json
import queue
import re
import secrets
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any

from .calls import Environ
from .container import Container, Wish, prepare
from .host import Host
from .lambda_lines import Lines, Spent
from .logs import LogStream
from .roles import LAMBDA
from .serving import Served

API = "/2018-06-01/runtime"
_OUTCOME = re.compile(rf"{API}/invocation/([^/]+)/(response|error)")


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionVersion:
    """What runs: one version of a function as it is configured.  Immutable but for `$LATEST`."""

    name: str
    version: str
    arn: str
    image: str
    role: str
    timeout: int
    memory: int
    log_group: str
    log_format: str = "Text"
    env: Mapping[str, str] = field(default_factory=dict)
    entrypoint: Sequence[str] | None = None
    command: Sequence[str] | None = None
    workdir: str | None = None


@dataclass(slots=True)
class Invocation:
    """One event on its way through a process, and what came of it."""

    request_id: str
    payload: bytes
    arn: str
    deadline_ms: int = 0
    answer: bytes = b""
    error: str = ""  # the kind of function error; empty is success
    done: threading.Event = field(default_factory=threading.Event)

    def finish(self, answer: bytes, error: str = "") -> None:
        if not self.done.is_set():
            self.answer, self.error = answer, error
            self.done.set()


class Environment:
    """A process of one function version, for one invocation at a time.

    Making one does not wait for the process.  Raises what keeps it from being started at all: NotFound without the
    image, AccessDenied without the role, LaunchError without the command.
    """

    def __init__(
        self, host: Host, function: FunctionVersion, stream: LogStream, place: Path
    ) -> None:
        self.function, self.place, self.idle_since = function, place, time.monotonic()
        self._host, self._stream = host, stream
        self._lines = Lines(function.version, function.log_format)
        self._events: queue.SimpleQueue[Invocation | None] = queue.SimpleQueue()
        self._current: Invocation | None = None
        self._begun, self._init_ms = time.monotonic(), 0.0
        self._ready, self._ending = threading.Event(), threading.Lock()
        self._code: int | None = None
        self._api = Served(self._serve)
        try:
            self._container = self._started()
        except Exception:
            self._api.close()
            raise
        self._follow()

    def _started(self) -> Container:
        image = self._host.images.extracted(self.function.image)
        wish = Wish(
            env={**self.function.env, **self._surroundings()},
            entrypoint=self.function.entrypoint,
            command=self.function.command,
            workdir=self.function.workdir,
        )
        command = prepare(image, wish, self.place)
        return Container(command, lambda lines: self._stream.write(*lines))

    def _surroundings(self) -> dict[str, str]:
        """The variables that Lambda sets
        (https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html)."""
        function = self.function
        session = self._host.roles.session(function.role, LAMBDA, function.name, function.arn)
        return {
            **self._host.surroundings(),
            "AWS_ACCESS_KEY_ID": session.access_key,
            "AWS_SECRET_ACCESS_KEY": session.secret_key,
            "AWS_SESSION_TOKEN": session.token,
            "AWS_LAMBDA_RUNTIME_API": self._api.address,
            "AWS_LAMBDA_FUNCTION_NAME": function.name,
            "AWS_LAMBDA_FUNCTION_VERSION": function.version,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory),
            "AWS_LAMBDA_LOG_GROUP_NAME": self._stream.group,
            "AWS_LAMBDA_LOG_STREAM_NAME": self._stream.name,
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "TZ": ":UTC",
        }

    @property
    def alive(self) -> bool:
        return self._code is None and self._container.running

    @property
    def begun(self) -> bool:
        """Whether it has asked for its first event, or has ended."""
        return self._ready.is_set()

    def invoke(self, invocation: Invocation) -> None:
        """Hand the event to the process and wait for what comes of it, at most the function's timeout.

        The clock starts when the process asks for its first event, or when its time for that is over.
        """
        longest = self._host.settings().init_seconds
        if not self._ready.wait(longest):
            self._again(longest)
        spent = Spent(self.function.memory)
        timeout = self.function.timeout
        invocation.deadline_ms = int((time.time() + timeout) * 1000)
        self._stream.write(*self._lines.start(invocation.request_id))
        self._current = invocation
        self._events.put(invocation)
        if not self.alive:
            self._crashed()
        if not invocation.done.wait(timeout):
            self._time_out(invocation)
        self._container.drain()
        self._current, self.idle_since = None, time.monotonic()
        done = spent.now(init_ms=self._init_ms, peak=self._container.peak_memory())
        self._stream.write(*self._lines.end(invocation.request_id, done, invocation.error))
        self._init_ms = 0.0

    def _again(self, longest: float) -> None:
        """Initialisation that takes too long is cut, and done again under the function's timeout
        (https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html, init phase)."""
        self._stream.write(self._lines.init_timed_out(longest))
        first, self._container = self._container, self._started()
        first.kill()
        first.wait(10)
        self._follow()

    def close(self) -> None:
        """End the process; harmless when it has ended."""
        self._events.put(None)
        self._container.kill()
        self._container.wait(10)
        self._api.close()

    def _time_out(self, invocation: Invocation) -> None:
        self._container.drain()
        self._container.peak_memory()  # while there is something to look at
        with self._ending:
            if invocation.done.is_set():
                return
            text = f"Task timed out after {self.function.timeout:.2f} seconds"
            self._stream.write(*self._lines.timed_out(invocation.request_id, text))
            told = f"RequestId: {invocation.request_id} Error: {text}"
            invocation.finish(_error("Sandbox.Timedout", told), "timeout")
        self._container.kill()
        self._container.wait(10)

    def _follow(self) -> None:
        """Learn of the present process's end."""
        container = self._container
        threading.Thread(target=self._watch, args=(container,), daemon=True).start()

    def _watch(self, container: Container) -> None:
        code = container.wait() or 0
        if container is self._container:  # and not one that was replaced
            self._code = code
            self._ready.set()
            self._crashed()

    def _crashed(self) -> None:
        """The process is over; whoever waits for its answer gets the platform's."""
        with self._ending:
            invocation, code = self._current, self._code or 0
            if invocation is None or invocation.done.is_set():
                return
            how = f"signal: {code - 128}" if code > 128 else f"exit status {code}"
            text = f"RequestId: {invocation.request_id} Error: Runtime exited with error: {how}"
            self._stream.write(text, "Runtime.ExitError")
            invocation.finish(_error("Runtime.ExitError", text), "Runtime.ExitError")

    # the Runtime API

    def _serve(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        path, method = environ["PATH_INFO"], environ["REQUEST_METHOD"]
        if method == "GET" and path == f"{API}/invocation/next":
            return self._next(start_response)
        body = _body(environ)
        if method == "POST" and path == f"{API}/init/error":
            self._init_failed(body)
            return _accepted(start_response)
        match = _OUTCOME.fullmatch(path)
        if method == "POST" and match:
            return self._outcome(match[1], match[2], body, start_response)
        return _answer(start_response, HTTPStatus.NOT_FOUND, [], b"")

    def _next(self, start_response: Any) -> Iterable[bytes]:
        if not self._ready.is_set():
            self._init_ms = (time.monotonic() - self._begun) * 1000
            self._ready.set()
        invocation = self._events.get()
        if invocation is None:
            return _answer(start_response, HTTPStatus.GONE, [], b"")
        trace = f"Root=1-{int(time.time()):08x}-{secrets.token_hex(12)};Sampled=0"
        headers = [
            ("Lambda-Runtime-Aws-Request-Id", invocation.request_id),
            ("Lambda-Runtime-Deadline-Ms", str(invocation.deadline_ms)),
            ("Lambda-Runtime-Invoked-Function-Arn", invocation.arn),
            ("Lambda-Runtime-Trace-Id", trace),
        ]
        return _answer(start_response, HTTPStatus.OK, headers, invocation.payload)

    def _outcome(self, id_: str, kind: str, body: bytes, start_response: Any) -> Iterable[bytes]:
        current = self._current
        if current is None or current.request_id != id_:
            return _answer(
                start_response, HTTPStatus.BAD_REQUEST, [], _error("InvalidRequestID", id_)
            )
        with self._ending:
            current.finish(body, "Unhandled" if kind == "error" else "")
        return _accepted(start_response)

    def _init_failed(self, body: bytes) -> None:
        with self._ending:
            if self._current:
                self._current.finish(body, "Runtime.InitError")


def _body(environ: Environ) -> bytes:
    stream = environ["wsgi.input"]
    if environ.get("wsgi.input_terminated"):
        return bytes(stream.read())
    return bytes(stream.read(int(environ.get("CONTENT_LENGTH") or 0)))


def start_error(error: Exception) -> bytes:
    """The answer of an invocation whose process could not be started."""
    return _error("Runtime.InvalidEntrypoint", f"Error: {error}")


def _error(kind: str, message: str) -> bytes:
    return json.dumps({"errorType": kind, "errorMessage": message}).encode()


def _accepted(start_response: Any) -> Iterable[bytes]:
    return _answer(start_response, HTTPStatus.ACCEPTED, [], b'{"status":"OK"}')


def _answer(
    start_response: Any, status: HTTPStatus, headers: list[tuple[str, str]], body: bytes
) -> Iterable[bytes]:
    fixed = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    start_response(f"{status.value} {status.phrase}", [*fixed, *headers])
    return [body]
