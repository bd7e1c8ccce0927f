"""One HTTP request of a preflight step, in a process of its own, so that whatever it hangs on ends with the run.

`python -m toolkit.inside.fetch`: the request comes on stdin as JSON, headers with their secrets included; why it
failed goes back on a pipe.  It speaks http and https, follows redirects with the step's headers only within one
origin, takes at most MOST bytes, and talks to no link-local address and no metadata service, where clouds keep a machine's
credentials, unless the step allows it.
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
# Services of a machine outside of the link-local ranges.
# https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-instance-metadata-service.html
# https://docs.aws.amazon.com/eks/latest/userguide/pod-id-how-it-works.html
# https://cloud.google.com/compute/docs/metadata/querying-metadata
# https://www.alibabacloud.com/help/en/ecs/user-guide/view-instance-metadata
_METADATA = frozenset(
    map(ipaddress.ip_address, ("fd00:ec2::254", "fd00:ec2::23", "fd20:ce::254", "100.100.100.200"))
)
_NAMES = ("metadata.google.internal", "metadata", "instance-data")  # whatever they resolve to
_NAT64 = ipaddress.ip_network("64:ff9b::/96")  # https://www.rfc-editor.org/rfc/rfc6052


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
    """`request` is {url, method, headers, body, output, allow}.  Raises FetchFailed; then `output` is as it was.

    `allow` says whether it may ask a machine's own services.
    """
    target = Path(request["output"])
    partial = target.with_name(f".{target.name}.partial")
    opener = _opener(_Http(anywhere=request["allow"]))
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with opener.open(_request(request), timeout=QUIET) as answer, partial.open("wb") as file:
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


def _opener(http: "_Http") -> urllib.request.OpenerDirector:
    """Built by hand: the usual one also opens files and ftp."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.UnknownHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        _Redirects(),
        http,
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
    """Requests, redirected ones too; over connections that are checked, unless `anywhere`."""

    def __init__(self, anywhere: bool) -> None:
        super().__init__()
        self._anywhere = anywhere

    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        self._check(req)
        kind = http.client.HTTPConnection if self._anywhere else _Connection
        return self.do_open(kind, req)

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        self._check(req)
        kind = http.client.HTTPSConnection if self._anywhere else _TlsConnection
        return self.do_open(kind, req, context=ssl.create_default_context())

    def _check(self, req: urllib.request.Request) -> None:
        if not self._anywhere:
            _check_host(req.full_url)


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
    host = (urlsplit(url).hostname or "").rstrip(".")
    if host in _NAMES:
        raise FetchFailed(f"{host} is a machine's own service, and not for agents")
    try:
        found = socket.getaddrinfo(host, None, proto=socket.IPPROTO_TCP)
    except OSError:
        return  # connecting says it in better words, and a proxy may know the name
    for *_, address in found:
        _check(str(address[0]))


def _check(address: str) -> None:
    real = _behind(ipaddress.ip_address(address.partition("%")[0]))
    if real.is_link_local or real in _METADATA:
        raise FetchFailed(f"{address} is link-local: a machine's own services are not for agents")


def _behind(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """The IPv4 address that an IPv6 one leads to."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


if __name__ == "__main__":
    sys.exit(main())
