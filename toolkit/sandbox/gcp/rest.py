"""Google's APIs as JSON over HTTP: the same handlers as over gRPC, for the few methods that containers use this way.

https://cloud.google.com/secret-manager/docs/reference/rest; how a request becomes a message:
https://google.aip.dev/127.  Another method is one more line of the table.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from google.protobuf import json_format

from toolkit.sandbox.calls import Answer, Environ

from .cloud import Google
from .refusals import Refused, invalid, not_found
from .rpc import Rpc
from .server import begin, perform

# https://cloud.google.com/apis/design/errors#handling_errors
_STATUS: Mapping[str, int] = {
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "OUT_OF_RANGE": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "ABORTED": 409,
    "ALREADY_EXISTS": 409,
    "RESOURCE_EXHAUSTED": 429,
    "UNIMPLEMENTED": 501,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}


class _Route(NamedTuple):
    """`field` of the request is what the path names."""

    verb: str
    path: re.Pattern[str]
    service: str
    rpc: str
    field: str = "name"


_SERVICE = "google.cloud.secretmanager.v1.SecretManagerService"
_ONE = r"/v1/(projects/[^/:]+/secrets/[^/:]+)"
_VERSION = r"/v1/(projects/[^/:]+/secrets/[^/:]+/versions/[^/:]+)"
_ROUTES = (
    _Route("GET", re.compile(_ONE), _SERVICE, "GetSecret"),
    _Route("DELETE", re.compile(_ONE), _SERVICE, "DeleteSecret"),
    _Route("GET", re.compile(f"{_ONE}/versions"), _SERVICE, "ListSecretVersions", "parent"),
    _Route("GET", re.compile(_VERSION), _SERVICE, "GetSecretVersion"),
    _Route("GET", re.compile(f"{_VERSION}:access"), _SERVICE, "AccessSecretVersion"),
    _Route("POST", re.compile(f"{_VERSION}:destroy"), _SERVICE, "DestroySecretVersion"),
    _Route("POST", re.compile(f"{_VERSION}:disable"), _SERVICE, "DisableSecretVersion"),
    _Route("POST", re.compile(f"{_VERSION}:enable"), _SERVICE, "EnableSecretVersion"),
)


def answer(
    google: Google,
    environ: Environ,
    called: Callable[[Google, Environ], Mapping[str, Any]],
    *,
    worded: bool = True,
) -> Answer:
    """What `called` answers, or its refusal, as Google's JSON: `worded` with the name of gRPC's code, which older APIs
    have none of."""
    from .web import as_json

    try:
        return as_json(called(google, environ))
    except Refused as refusal:
        status = json_format.MessageToDict(refusal.status())
        code = _STATUS.get(refusal.code, 500)
        word = {"status": refusal.code} if worded else {}
        return as_json({"error": {**status, "code": code, **word}}, code)


def called(google: Google, environ: Environ) -> dict[str, Any]:
    path, verb = environ.get("PATH_INFO", ""), environ["REQUEST_METHOD"]
    for route in _ROUTES:
        match = route.path.fullmatch(path)
        if match and route.verb == verb:
            return _routed(google, environ, route, match[1])
    raise not_found(path, message=f"{verb} {path} is not a method of this cloud")


def _routed(google: Google, environ: Environ, route: _Route, name: str) -> dict[str, Any]:
    method = f"{route.service}/{route.rpc}"
    call = begin(google, method, environ.get("HTTP_AUTHORIZATION", ""))
    service = google.service(route.service)
    if service is None:
        raise not_found(route.service)
    rpc = service.rpcs()[route.rpc]
    with google.lock:
        made = perform(call, rpc, _message(rpc, environ, {route.field: name}))
    answer: dict[str, Any] = json_format.MessageToDict(_protobuf(made))
    return answer


def _message(rpc: Rpc, environ: Environ, named: Mapping[str, str]) -> Any:
    """The request's message: its JSON body, its query's parameters, and what its path names."""
    from .web import body

    asked = rpc.request()
    query = dict(parse_qsl(environ.get("QUERY_STRING", "")))
    query.pop("alt", None)
    try:
        values = {**body(environ), **query, **named}
        json_format.ParseDict(values, _protobuf(asked))
    except (ValueError, json_format.ParseError) as error:
        raise invalid("body", str(error)) from error
    return asked


def _protobuf(message: Any) -> Any:
    return type(message).pb(message) if hasattr(type(message), "pb") else message
