"""HTTP as events of payload format 2.0, and functions' results as HTTP.

https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html.  Pure, but for reading a request's body.
"""

import base64
import json
import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl

_TEXT = ("text/", "application/json", "application/javascript", "application/xml", "+json", "+xml")
Http = tuple[int, bytes, Sequence[tuple[str, str]]]
_FAILED: Http = (502, b"Internal Server Error", ())


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


def to_http(payload: bytes) -> Http:
    """A function's result, an object with `statusCode` or anything else as a JSON body: status, body, headers."""
    try:
        result = json.loads(payload or b"null")
    except ValueError:
        return _FAILED
    if not isinstance(result, dict) or "statusCode" not in result:
        return 200, payload, ()
    text = result.get("body") or ""
    body = base64.b64decode(text) if result.get("isBase64Encoded") else str(text).encode()
    headers = [(str(k), str(v)) for k, v in (result.get("headers") or {}).items()]
    headers += [("Set-Cookie", cookie) for cookie in result.get("cookies") or ()]
    return int(result["statusCode"]), body, headers


def http_answer(
    start: Any, status: int, body: bytes, headers: Sequence[tuple[str, str]] = ()
) -> Iterable[bytes]:
    """The answer as WSGI; JSON unless the headers say otherwise."""
    given = [h for h in headers if h[0].lower() != "content-length"]
    if not any(name.lower() == "content-type" for name, _ in given):
        given.append(("Content-Type", "application/json"))
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = "-"
    start(f"{status} {phrase}", [*given, ("Content-Length", str(len(body)))])
    return [body]
