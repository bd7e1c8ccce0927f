"""Function URLs: a port of loopback for each, turning HTTP into invocations with payload format 2.0 and back.

https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html.  A URL is public, so browsers may call it; the
Host must be loopback all the same, so that no foreign name can be bound to it.
"""

import base64
import json
import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl

from .calls import Answer, Call, Environ, Refusal
from .functions import Functions
from .guard import host_is_loopback
from .handlers import Ask, Handler
from .host import Host
from .invoking import SYNCHRONOUS_BYTES, Invoking
from .permissions import Permissions
from .serving import Served

_TEXT = ("text/", "application/json", "application/javascript", "application/xml", "+json", "+xml")


@dataclass(slots=True)
class FunctionUrl:
    """One URL configuration and the server behind it."""

    name: str
    qualifier: str
    config: dict[str, Any]
    served: Served
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
        if not host_is_loopback(environ):
            return _http(start, 403, b'{"Message":"Forbidden"}')
        url = self._urls.get(key)
        if url is None:
            return _http(start, 404, b'{"Message":null}')
        public = url.config["AuthType"] == "NONE" and self._permissions.public_url(*key)
        if (
            not public
        ):  # signed callers are not told apart: nobody signs requests to a sandbox's URL
            return _http(start, 403, b'{"Message":"Forbidden"}')
        function = self._functions.find(key[0], key[1] or None)
        event = json.dumps(to_event(environ, self._host.cloud.account)).encode()
        if function is None or len(event) > SYNCHRONOUS_BYTES:
            return _http(
                start, 502 if function is None else 413, b'{"Message":"Internal Server Error"}'
            )
        try:
            done = self._invoking.run(function, event, str(uuid.uuid4()))
        except Refusal as throttled:
            return _http(start, throttled.status or 429, b'{"Message":"Rate exceeded"}')
        if done.error:
            return _http(start, 502, b"Internal Server Error")
        return from_result(done.answer, start)


def to_event(environ: Mapping[str, Any], account: str) -> dict[str, Any]:
    """The request as an event of payload format 2.0."""
    headers = _headers(environ)
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    kind = headers.get("content-type", "")
    plain = not body or any(mark in kind for mark in _TEXT)
    query, path = environ.get("QUERY_STRING", ""), environ.get("RAW_URI", "/").partition("?")[0]
    cookies = [part.strip() for part in headers.pop("cookie", "").split(";") if part.strip()]
    event = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "headers": headers,
        "requestContext": _context(environ, headers, path, account),
        "isBase64Encoded": not plain,
    }
    event |= {"cookies": cookies} if cookies else {}
    event |= {"queryStringParameters": _joined(query)} if query else {}
    event |= {"body": body.decode() if plain else base64.b64encode(body).decode()} if body else {}
    return event


def _headers(environ: Mapping[str, Any]) -> dict[str, str]:
    found = {
        name[5:].replace("_", "-").lower(): value
        for name, value in environ.items()
        if name.startswith("HTTP_")
    }
    for name in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        found |= {name.replace("_", "-").lower(): environ[name]} if environ.get(name) else {}
    found |= {"x-forwarded-for": environ.get("REMOTE_ADDR", ""), "x-forwarded-proto": "http"}
    return found


def _context(
    environ: Mapping[str, Any], headers: Mapping[str, str], path: str, account: str
) -> dict[str, Any]:
    now, host = time.time(), headers.get("host", "")
    return {
        "accountId": "anonymous",
        "apiId": host.partition(".")[0].partition(":")[0],
        "domainName": host,
        "domainPrefix": account,
        "http": {
            "method": environ["REQUEST_METHOD"],
            "path": path,
            "protocol": environ.get("SERVER_PROTOCOL", "HTTP/1.1"),
            "sourceIp": environ.get("REMOTE_ADDR", ""),
            "userAgent": headers.get("user-agent", ""),
        },
        "requestId": str(uuid.uuid4()),
        "routeKey": "$default",
        "stage": "$default",
        "time": time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(now)),
        "timeEpoch": int(now * 1000),
    }


def _joined(query: str) -> dict[str, str]:
    """Repeated parameters are joined with commas, as the format has it."""
    found: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        found[name] = f"{found[name]},{value}" if name in found else value
    return found


def from_result(payload: bytes, start: Any) -> Iterable[bytes]:
    """A function's result as HTTP: an object with `statusCode`, or anything else as a JSON body."""
    try:
        result = json.loads(payload or b"null")
    except ValueError:
        return _http(start, 502, b"Internal Server Error")
    if not isinstance(result, dict) or "statusCode" not in result:
        return _http(start, 200, payload)
    text = result.get("body") or ""
    body = base64.b64decode(text) if result.get("isBase64Encoded") else str(text).encode()
    headers = [(str(k), str(v)) for k, v in (result.get("headers") or {}).items()]
    headers += [("Set-Cookie", cookie) for cookie in result.get("cookies") or ()]
    return _http(start, int(result["statusCode"]), body, headers)


def _http(
    start: Any, status: int, body: bytes, headers: list[tuple[str, str]] | None = None
) -> Iterable[bytes]:
    given = [h for h in headers or () if h[0].lower() != "content-length"]
    if not any(name.lower() == "content-type" for name, _ in given):
        given.append(("Content-Type", "application/json"))
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = "-"
    start(f"{status} {phrase}", [*given, ("Content-Length", str(len(body)))])
    return [body]


def _config(asked: Mapping[str, Any]) -> dict[str, Any]:
    found = {name: asked[name] for name in ("AuthType", "Cors", "InvokeMode") if name in asked}
    return {"InvokeMode": "BUFFERED", **found}


def _json(value: object, status: int = 200) -> Answer:
    return Answer(
        status=status,
        headers=(("Content-Type", "application/json"),),
        body=json.dumps(value).encode(),
    )
