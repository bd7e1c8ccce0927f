"""Google's APIs over HTTP, from inside a container: one kept connection, and the metadata server's token.

Google's libraries take more than a second to load, and a container asks three things (architecture: D3).  Standard library
only; it must not know what the calls are for, and nothing that is sent or received is in an error.
"""

import http.client
import json
import ssl
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import Any, cast
from urllib.parse import quote, urlencode, urlsplit

from toolkit.core.errors import AlError, ConfigError, Unreachable
from toolkit.core.secrets import Secret

from .gcp_errors import refusal

# https://cloud.google.com/run/docs/container-contract#metadata-server
METADATA_HOST = "metadata.google.internal"
_TOKEN = "/computeMetadata/v1/instance/service-accounts/default/token"  # noqa: S105 - a path
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_TIMEOUT = 10.0  # seconds without a byte
_MARGIN = 60.0  # seconds before its end in which a token is not used any more


class Unsent(Unreachable):
    """No connection came about, so nothing can have happened there."""


class Rest:
    """One API at one address.  For one thread: it keeps one connection."""

    def __init__(self, base: str, token: Callable[[], Secret]) -> None:
        """`base` is https://..., or http:// on this machine; raises ConfigError for anything else."""
        self._connection = _connection(base)
        self._token = token

    def ask(
        self, verb: str, path: str, doing: str, *, query: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """The answer's JSON.  Raises Unsent, Unreachable (it may have happened there all the same), or what Google refuses."""
        headers = {"Authorization": f"Bearer {self._token().reveal()}", "Content-Length": "0"}
        target = f"{quote(path, safe='/:')}?{urlencode(query)}" if query else quote(path, safe="/:")
        status, data = _exchange(self._connection, verb, target, headers, doing)
        if status >= 400:
            raise refused(doing, status, data)
        return _json(data)

    def close(self) -> None:
        """Give up the connection; the next request makes another."""
        self._connection.close()


class Metadata:
    """The account that this container runs as."""

    def __init__(self, host: str = "", *, clock: Callable[[], float] = time.monotonic) -> None:
        """`host` as GCE_METADATA_HOST has it: host, host:port, and in the embedded cloud a path behind that."""
        where, _, path = (host or METADATA_HOST).partition("/")
        # plain HTTP by design: Google's has a link-local address, and no packet leaves the machine
        self._connection = http.client.HTTPConnection(where, timeout=_TIMEOUT)
        self._path = f"/{path}{_TOKEN}" if path else _TOKEN
        self._clock = clock
        self._known: Secret | None = None
        self._until = 0.0

    def token(self) -> Secret:
        """An access token, kept until shortly before its end.  Raises Unreachable, or AccessDenied without an account."""
        if self._known is None or self._clock() >= self._until:
            doing = "asking the metadata server for a token"
            headers = {"Metadata-Flavor": "Google"}
            with closing(self._connection):  # not asked again for an hour
                status, data = _exchange(self._connection, "GET", self._path, headers, doing)
            if status >= 400:
                raise refused(doing, status, b"")
            answer = _json(data)
            self._known = Secret(str(answer["access_token"]))
            self._until = self._clock() + float(answer["expires_in"]) - _MARGIN
        return self._known


def _connection(base: str) -> http.client.HTTPConnection:
    parts = urlsplit(base)
    if parts.scheme == "https":
        context = ssl.create_default_context()
        return http.client.HTTPSConnection(parts.netloc, timeout=_TIMEOUT, context=context)
    if parts.scheme != "http" or parts.hostname not in _LOOPBACK:
        raise ConfigError(
            f"{base} is not on this machine, and would be spoken to without TLS",
            hint="AL_GCP_HTTP is for the sandbox only: leave it out to reach Google",
        )
    return http.client.HTTPConnection(parts.netloc, timeout=_TIMEOUT)


def _exchange(
    connection: http.client.HTTPConnection,
    verb: str,
    target: str,
    headers: Mapping[str, str],
    doing: str,
) -> tuple[int, bytes]:
    """Status and body of one request.  Raises Unsent or Unreachable; then the next begins with a new connection."""
    try:
        if connection.sock is None:
            connection.connect()
    except OSError as error:
        connection.close()
        raise Unsent(_words(doing, error), hint=_HINT) from error
    try:
        connection.request(verb, target, headers=dict(headers))
        with connection.getresponse() as response:
            return response.status, response.read()
    except (OSError, http.client.HTTPException) as error:
        connection.close()
        raise Unreachable(_words(doing, error), hint=_HINT) from error


_HINT = "try again; if it stays so, check the container's network"


def _words(doing: str, error: Exception) -> str:
    return f"{doing}: no answer ({type(error).__name__}: {error})"


def _json(data: bytes) -> dict[str, Any]:
    return cast("dict[str, Any]", json.loads(data)) if data.strip() else {}


def refused(doing: str, status: int, data: bytes) -> AlError:
    """An answer that is a refusal, as one of our errors: by its status, and the JSON in it where there is any."""
    try:
        said = _json(data).get("error") or {}
    except ValueError:  # a proxy's page
        said = {}
    message = str(said.get("message") or f"answered {status}")
    return refusal(doing, status, str(said.get("status") or ""), message)
