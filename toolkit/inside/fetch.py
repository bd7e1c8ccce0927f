"""One HTTP request of a preflight step, in a process of its own, so that whatever it hangs on ends with the run.

`python -m toolkit.inside.fetch`: the request comes on stdin as JSON, headers with their secrets included; why it
failed goes back on a pipe.  It speaks http and https, follows redirects with the step's headers only within one
origin, takes at most MOST bytes, and never talks to a link-local address, where clouds keep a machine's credentials.
"""

import http.client
import ipaddress
import json
import os
import socket
import ssl
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

MOST = 50 * 1024 * 1024  # bytes of an answer
QUIET = 60.0  # seconds without a byte after which an answer is given up
_CHUNK = 1 << 16
# outside of the link-local ranges: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html
_METADATA = ipaddress.ip_address("fd00:ec2::254")


class FetchFailed(Exception):
    """Why there is no answer, for a person."""


def main() -> int:
    """0, or 1 with the reason on the pipe."""
    request = json.load(sys.stdin)
    try:
        fetch(request)
    except FetchFailed as error:
        os.write(request["reason"], str(error)[:2000].encode("utf-8", "replace"))
        return 1
    return 0


def fetch(request: Mapping[str, Any]) -> None:
    """`request` is {url, method, headers, body, output}.  Raises FetchFailed; then `output` is as it was."""
    target = Path(request["output"])
    partial = target.with_name(f".{target.name}.partial")
    try:
        with _opener().open(_request(request), timeout=QUIET) as answer, partial.open("wb") as file:
            _copy(answer, file)
        partial.replace(target)
    except (OSError, http.client.HTTPException) as error:  # URLError is an OSError
        raise FetchFailed(str(error) or type(error).__name__) from error
    except ValueError:  # its text may be a header's
        raise FetchFailed("the address, the method or a header is not valid") from None
    finally:
        partial.unlink(missing_ok=True)


def _request(request: Mapping[str, Any]) -> urllib.request.Request:
    body = request["body"]
    return urllib.request.Request(  # noqa: S310 - the opener knows no other schemes than http and https
        request["url"],
        data=None if body is None else body.encode(),
        headers=request["headers"],
        method=request["method"],
    )


def _opener() -> urllib.request.OpenerDirector:
    """Built by hand: the usual one also opens files and ftp."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.UnknownHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        _Redirects(),
        _Http(),
    ):
        opener.add_handler(handler)
    return opener


def _copy(answer: http.client.HTTPResponse, file: IO[bytes]) -> None:
    total = 0
    if (answer.length or 0) > MOST:
        raise FetchFailed(f"the answer is larger than {MOST >> 20} MiB")
    while data := answer.read(_CHUNK):
        total += len(data)
        if total > MOST:
            raise FetchFailed(f"the answer is larger than {MOST >> 20} MiB")
        file.write(data)
    if answer.length:  # bytes that were announced: reading in pieces does not miss them
        raise FetchFailed("the answer ended too early")


class _Redirects(urllib.request.HTTPRedirectHandler):
    """A redirect to another origin does not get the step's headers: they hold tokens."""

    def redirect_request(  # noqa: PLR0917 - urllib's own signature
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        new = super().redirect_request(req, fp, code, msg, headers, newurl)
        if new is not None and _origin(newurl) != _origin(req.full_url):
            new.headers.clear()
        return new


class _Http(urllib.request.HTTPHandler, urllib.request.HTTPSHandler):
    """Requests, redirected ones too, over connections that are checked."""

    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        _check_host(req.full_url)
        return self.do_open(_Connection, req)

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        _check_host(req.full_url)
        return self.do_open(_TlsConnection, req, context=ssl.create_default_context())


class _Connection(http.client.HTTPConnection):
    """Looks whom it has reached before it says anything: a name may be answered differently the second time."""

    def connect(self) -> None:
        super().connect()
        _check(self.sock.getpeername()[0])


class _TlsConnection(_Connection, http.client.HTTPSConnection):
    """The same, encrypted."""


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc.lower()


def _check_host(url: str) -> None:
    """Also of what a proxy would reach for us."""
    host = urlsplit(url).hostname or ""
    try:
        found = socket.getaddrinfo(host, None, proto=socket.IPPROTO_TCP)
    except OSError:
        return  # connecting says it in better words, and a proxy may know the name
    for *_, address in found:
        _check(str(address[0]))


def _check(address: str) -> None:
    found = ipaddress.ip_address(address)
    real = getattr(found, "ipv4_mapped", None) or found
    if real.is_link_local or real == _METADATA:
        raise FetchFailed(f"{address} is link-local: a machine's own services are not for agents")


if __name__ == "__main__":
    sys.exit(main())
