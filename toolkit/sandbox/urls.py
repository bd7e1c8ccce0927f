"""Function URLs: a port of loopback for each, turning HTTP into invocations with payload format 2.0 and back.

https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html.  A URL is public, so browsers may call it; the
Host must be loopback all the same, so that no foreign name can be bound to it.
"""

import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from .calls import Answer, Call, Environ, Refusal
from .functions import Functions
from .guard import host_is_loopback
from .handlers import Ask, Handler
from .host import Host
from .invoking import SYNCHRONOUS_BYTES, Invoking
from .lambda_host import FunctionVersion
from .permissions import Permissions
from .serving import Served
from .turns import Turns
from .url_events import http_answer, to_event, to_http

_BROKEN = (502, b'{"Message":"Internal Server Error"}')
_BUSY = (429, b'{"Message":"Rate exceeded"}', (("Retry-After", "1"),))
_TOO_LARGE = (
    413,
    b'{"Message":"Request Too Long"}',
)  # Lambda's own answer: the function never sees it


@dataclass(slots=True)
class FunctionUrl:
    """One URL configuration and the server behind it."""

    name: str
    qualifier: str
    config: dict[str, Any]
    served: Served
    turns: Turns = field(default_factory=Turns)
    created: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))

    @property
    def url(self) -> str:
        return f"http://{self.served.address}/"


class Urls:
    """The URLs of one cloud's functions."""

    def __init__(
        self, host: Host, functions: Functions, invoking: Invoking, permissions: Permissions
    ) -> None:
        self._host, self._functions = host, functions
        self._invoking, self._permissions = invoking, permissions
        self._urls: dict[tuple[str, str], FunctionUrl] = {}

    def handlers(self) -> Mapping[tuple[str, str], Handler]:
        own: dict[str, Handler] = {
            "CreateFunctionUrlConfig": self.create,
            "GetFunctionUrlConfig": self.get,
            "UpdateFunctionUrlConfig": self.update,
            "DeleteFunctionUrlConfig": self.delete,
            "ListFunctionUrlConfigs": self.listed,
        }
        return {("lambda", name): handler for name, handler in own.items()}

    def of(self, ending: str) -> str | None:
        """The URL of the newest function whose name ends so."""
        found = [url.url for (name, _), url in self._urls.items() if name.endswith(ending)]
        return found[-1] if found else None

    def forget(self, name: str) -> None:
        for key in [key for key in self._urls if key[0] == name]:
            self._urls.pop(key).served.close()

    def kept(self) -> list[tuple[str, str, dict[str, Any], int]]:
        return [(u.name, u.qualifier, u.config, u.served.port) for u in self._urls.values()]

    def put_back(self, kept: Sequence[tuple[str, str, dict[str, Any], int]]) -> None:
        """Serve them again, on their ports where those are still free."""
        for name, qualifier, config, port in kept:
            self._open((name, qualifier), config, port)

    def _open(self, key: tuple[str, str], config: dict[str, Any], port: int = 0) -> None:
        def serve(environ: Environ, start: Any) -> Iterable[bytes]:
            return self._serve(key, environ, start)

        try:
            served = Served(serve, port)
        except OSError:
            served = Served(serve)
        self._urls[key] = FunctionUrl(*key, config, served)

    def close(self) -> None:
        for url in self._urls.values():
            url.served.close()

    # operations

    def create(self, call: Call, _: Ask) -> Answer:
        key = self._key(call)
        if key in self._urls:
            raise Refusal(
                "ResourceConflictException",
                f"Failed to create function url config for [functionArn = {self._arn(call, key)}]. Error message:  "
                "FunctionUrlConfig exists for this Lambda function",
                409,
            )
        self._open(key, _config(call.parameters))
        return _json(self._described(call, key), 201)

    def get(self, call: Call, _: Ask) -> Answer:
        return _json(self._described(call, self._key(call)))

    def update(self, call: Call, _: Ask) -> Answer:
        key = self._key(call)
        self._described(call, key)
        self._urls[key].config |= _config(call.parameters)
        return _json(self._described(call, key))

    def delete(self, call: Call, _: Ask) -> Answer:
        key = self._key(call)
        self._described(call, key)
        self._urls.pop(key).served.close()
        return Answer(status=204)

    def listed(self, call: Call, _: Ask) -> Answer:
        name = self._key(call)[0]
        found = [self._described(call, key) for key in self._urls if key[0] == name]
        return _json({"FunctionUrlConfigs": found})

    def _key(self, call: Call) -> tuple[str, str]:
        """(function, alias or nothing).  Raises moto's error when it is unknown."""
        given = call.parameters["FunctionName"].split(":function:")[-1]
        name, _, inline = given.partition(":")
        qualifier = inline or call.parameters.get("Qualifier") or ""
        with self._host.cloud.backend("lambda", call.region) as backend:
            return backend.get_function(name, qualifier or None).function_name, qualifier

    def _arn(self, call: Call, key: tuple[str, str]) -> str:
        arn = f"arn:aws:lambda:{call.region}:{self._host.cloud.account}:function:{key[0]}"
        return f"{arn}:{key[1]}" if key[1] else arn

    def _described(self, call: Call, key: tuple[str, str]) -> dict[str, Any]:
        found = self._urls.get(key)
        if found is None:
            raise Refusal(
                "ResourceNotFoundException", "The resource you requested does not exist.", 404
            )
        return {
            "FunctionUrl": found.url,
            "FunctionArn": self._arn(call, key),
            "CreationTime": found.created,
            "LastModifiedTime": found.created,
            **found.config,
        }

    # a request to a URL

    def _serve(self, key: tuple[str, str], environ: Environ, start: Any) -> Iterable[bytes]:
        self._host.touch()
        if not host_is_loopback(environ):
            return http_answer(start, 403, b'{"Message":"Forbidden"}')
        url = self._urls.get(key)
        if url is None:
            return http_answer(start, 404, b'{"Message":null}')
        public = url.config["AuthType"] == "NONE" and self._permissions.public_url(*key)
        if (
            not public
        ):  # signed callers are not told apart: nobody signs requests to a sandbox's URL
            return http_answer(start, 403, b'{"Message":"Forbidden"}')
        function = self._functions.find(key[0], key[1] or None)
        event = json.dumps(to_event(environ, self._host.cloud.account)).encode()
        if function is None or len(event) > SYNCHRONOUS_BYTES:
            return http_answer(start, *(_BROKEN if function is None else _TOO_LARGE))
        with url.turns.one() as got:
            if not got:
                return http_answer(start, *_BUSY)
            return self._invoked(function, event, start)

    def _invoked(self, function: FunctionVersion, event: bytes, start: Any) -> Iterable[bytes]:
        try:
            done = self._invoking.run(function, event, str(uuid.uuid4()))
        except Refusal as throttled:
            return http_answer(start, throttled.status or 429, b'{"Message":"Rate exceeded"}')
        # an answer that is too large is a function error too, Function.ResponseSizeTooLarge
        if done.error or len(done.answer) > SYNCHRONOUS_BYTES:
            return http_answer(start, 502, b"Internal Server Error")
        return http_answer(start, *to_http(done.answer))


def _config(asked: Mapping[str, Any]) -> dict[str, Any]:
    found = {name: asked[name] for name in ("AuthType", "Cors", "InvokeMode") if name in asked}
    return {"InvokeMode": "BUFFERED", **found}


def _json(value: object, status: int = 200) -> Answer:
    return Answer(
        status=status,
        headers=(("Content-Type", "application/json"),),
        body=json.dumps(value).encode(),
    )
