"""The front of a Cloud Run service: one address for as long as the service lives, whatever revision serves behind it.

https://cloud.google.com/run/docs/authenticating/overview: only who may invoke the service gets through.  Passes requests
and answers on as they come, so that a stream is a stream.
"""

import http.client
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from toolkit.sandbox.calls import Environ
from toolkit.sandbox.serving import Served

_HOP = frozenset(
    ("connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer", "transfer-encoding", "upgrade")
)  # fmt: skip
_TIMEOUT = 3600.0  # the most that a request may take (https://cloud.google.com/run/docs/configuring/request-timeout)
_CHUNK = 65536
Target = Callable[[], int | None]  # the port of what serves now


class Proxy:
    """Served from its making until `close()`; `may(authorization)` is whether a request with that header gets through."""

    def __init__(self, target: Target, may: Callable[[str], bool]) -> None:
        self._target, self._may = target, may
        self.active = 0
        self._served = Served(self._answer)
        self.url = f"http://{self._served.address}"

    def close(self) -> None:
        self._served.close()

    def _answer(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        if not self._may(environ.get("HTTP_AUTHORIZATION", "")):
            return _plain(
                start_response,
                "403 Forbidden",
                "Your client does not have permission to get this URL from this server.",
            )
        port = self._target()
        if port is None:
            return _plain(start_response, "503 Service Unavailable", "no instance is available")
        return self._passed_on(port, environ, start_response)

    def _passed_on(self, port: int, environ: Environ, start_response: Any) -> Iterable[bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT)
        path = environ.get("REQUEST_URI") or environ.get("RAW_URI") or _path(environ)
        try:
            connection.request(
                environ["REQUEST_METHOD"], path, body=_body(environ), headers=_headers(environ)
            )
            response = connection.getresponse()
        except (OSError, http.client.HTTPException):
            connection.close()
            return _plain(
                start_response, "503 Service Unavailable", "the instance could not be reached"
            )
        headers = [(k, v) for k, v in response.getheaders() if k.lower() not in _HOP]
        start_response(f"{response.status} {response.reason}", headers)
        return self._stream(connection, response)

    def _stream(
        self, connection: http.client.HTTPConnection, response: http.client.HTTPResponse
    ) -> Iterator[bytes]:
        self.active += 1
        try:
            while chunk := response.read1(_CHUNK):
                yield chunk
        finally:
            self.active -= 1
            connection.close()


def _path(environ: Environ) -> str:
    query = environ.get("QUERY_STRING", "")
    return f"{environ.get('PATH_INFO', '/')}{'?' if query else ''}{query}"


def _body(environ: Environ) -> bytes:
    stream = environ["wsgi.input"]
    if environ.get("wsgi.input_terminated"):
        return bytes(stream.read())
    return bytes(stream.read(int(environ.get("CONTENT_LENGTH") or 0)))


def _headers(environ: Environ) -> dict[str, str]:
    """The client's, and those that Google's front end adds."""
    given = {
        key[5:].replace("_", "-").title(): str(value)
        for key, value in environ.items()
        if key.startswith("HTTP_") and key[5:].replace("_", "-").lower() not in _HOP
    }
    if kind := environ.get("CONTENT_TYPE"):
        given["Content-Type"] = kind
    client = environ.get("REMOTE_ADDR", "127.0.0.1")
    forwarded = ", ".join(filter(None, (given.get("X-Forwarded-For", ""), client)))
    return {**given, "X-Forwarded-For": forwarded, "X-Forwarded-Proto": "https"}


def _plain(start_response: Any, status: str, text: str) -> Iterable[bytes]:
    body = f"{text}\n".encode()
    headers = [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))]
    start_response(status, headers)
    return [body]
