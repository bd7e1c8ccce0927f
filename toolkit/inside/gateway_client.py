"""The gateway as a command in the container asks it: one request, one answer, in JSON, with the run's token in a header.

Standard library only, because a command must start at once.  Redirects are not followed and proxies not asked: the
token goes to the gateway and to nobody else.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from toolkit.core.errors import ConfigError

if TYPE_CHECKING:
    from http.client import HTTPConnection

CONNECT_SECONDS = 5.0
SECONDS = 10.0  # without a byte of the answer
MOST_ANSWER = (
    4 * 1024**2
)  # bytes: a return value of 256 KiB, all of it escaped, is less than half of it
UNREACHED = 0  # the status of an answer that never came
# An answer's status -> the exit code of a command, as agents' scripts know them from the predecessor.
EXIT_CODES: Mapping[int, int] = {
    200: 0, 409: 1, 404: 2, 403: 3, 400: 4, 503: 5, UNREACHED: 6, 502: 10, 504: 11, 500: 12,
}  # fmt: skip
OTHER = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """`text` is the body as it came, or why there is none."""

    status: int
    text: str

    @property
    def exit_code(self) -> int:
        return EXIT_CODES.get(self.status, OTHER)

    @property
    def passing(self) -> bool:
        """Whether the same question may get another answer: nobody, or nobody but a proxy, has given one."""
        return self.status in (UNREACHED, 429, 502, 503, 504)

    @property
    def json(self) -> Any:
        """The body, or {"error": ...} around what is no JSON."""
        try:
            return json.loads(self.text)
        except (ValueError, RecursionError):
            return {"error": self.text[:500] or f"status {self.status}"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """Where the gateway is, and the token of this process's run."""

    secure: bool
    host: str
    port: int | None
    path: str
    _token: str = field(repr=False)

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> "Gateway | None":
        """None for a run without a gateway.  Raises ConfigError when GATEWAY_URL is no address."""
        if not (url := environ.get("GATEWAY_URL")):
            return None
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError:
            host = None
        if not host or parts.scheme not in ("http", "https"):
            raise ConfigError(
                "GATEWAY_URL is no address", hint="it is set for each run: do not change it"
            )
        token = environ.get("SHUTDOWN_SECRET", "")
        secure, path = parts.scheme == "https", parts.path.rstrip("/")
        return cls(secure=secure, host=host, port=port, path=path, _token=token)

    def ask(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        seconds: float = SECONDS,
    ) -> Answer:
        """Never raises: that nobody answered is an answer, too."""
        connection = self._connection()
        try:
            data = None if body is None else json.dumps(body).encode()
            return self._asked(connection, method, path, data, seconds)
        finally:
            connection.close()

    def _asked(
        self,
        connection: "HTTPConnection",
        method: str,
        path: str,
        data: bytes | None,
        seconds: float,
    ) -> Answer:
        from http.client import (
            HTTPException,
        )  # with ssl; a run without a gateway does not wait for them

        try:
            if connection.sock is None:
                connection.timeout = min(CONNECT_SECONDS, seconds)
                connection.connect()
            connection.sock.settimeout(seconds)
            connection.request(method, self.path + path, data, self._headers(data is not None))
            response = connection.getresponse()
            text = response.read(MOST_ANSWER).decode("utf-8", "replace")
            return Answer(status=response.status, text=text)
        except (OSError, HTTPException) as error:
            return Answer(status=UNREACHED, text=f"{type(error).__name__}: {error}")
        except ValueError:  # of a header: its text would have the token in it
            return Answer(status=UNREACHED, text="SHUTDOWN_SECRET or the path is not valid")

    def _headers(self, body: bool) -> dict[str, str]:
        headers = {"Authorization": f"Bearer {self._token}", "Accept": "application/json"}
        return headers | ({"Content-Type": "application/json"} if body else {})

    def _connection(self) -> "HTTPConnection":
        from http.client import HTTPConnection, HTTPSConnection

        kind = HTTPSConnection if self.secure else HTTPConnection
        return kind(self.host, self.port, timeout=CONNECT_SECONDS)


class Conversation:
    """Many requests on one connection.  Each may be repeated, since it is when the gateway had hung up meanwhile."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._connection: HTTPConnection | None = None

    def post(self, path: str, data: bytes, *, seconds: float) -> Answer:
        """`seconds` bounds the connecting, and each wait for a byte.  Never raises."""
        kept = self._connection is not None
        answer = self._once(path, data, seconds)
        if kept and answer.status == UNREACHED and "Timeout" not in answer.text:
            answer = self._once(path, data, seconds)
        return answer

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def _once(self, path: str, data: bytes, seconds: float) -> Answer:
        self._connection = self._connection or self._gateway._connection()  # noqa: SLF001 - two halves of one thing
        answer = self._gateway._asked(self._connection, "POST", path, data, seconds)  # noqa: SLF001
        if answer.status == UNREACHED:
            self.close()
        return answer
