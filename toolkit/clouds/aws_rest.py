"""AWS's JSON APIs from inside a container: kept connections, and requests signed by hand.

boto3 takes a third of a second of a processor, and 15 MB of the image; a container asks four things (architecture: D3).
Standard library only; it must not know what the calls are for, and nothing that is sent is in an error.

Signature Version 4: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

import hashlib
import hmac
import http.client
import json
import ssl
import weakref
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from toolkit.core.clock import now
from toolkit.core.errors import ConfigError, Unreachable
from toolkit.core.secrets import Secret

from .aws_errors import refusal
from .aws_keys import Keys

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_TIMEOUT = 10.0  # seconds without a byte
_ALGORITHM = "AWS4-HMAC-SHA256"
_CHINA = "cn-"
# service -> (what its operations' names begin with, the version of its JSON)
_PROTOCOLS: Mapping[str, tuple[str, str]] = {
    "dynamodb": ("DynamoDB_20120810", "1.0"),
    "secretsmanager": ("secretsmanager", "1.1"),
}


class Refused(Exception):
    """What AWS answered, in the form in which `code_of` reads it."""

    def __init__(self, response: Mapping[str, Any]) -> None:
        super().__init__(response["Error"]["Code"])
        self.response = response


class JsonApi:
    """One service in one region.  Thread-safe: who finds no idle connection makes one."""

    def __init__(
        self,
        service: str,
        region: str,
        keys: Callable[[], Keys],
        *,
        endpoint: str = "",
        clock: Callable[[], datetime] = now,
    ) -> None:
        """`endpoint` is the sandbox's, on this machine.  Raises ConfigError for one elsewhere without TLS."""
        self._service, self._region, self._keys, self._clock = service, region, keys, clock
        self._base = _checked(endpoint or _address(service, region))
        self._idle: list[http.client.HTTPConnection] = []
        weakref.finalize(self, _close_all, self._idle)

    def ask(self, operation: str, body: Mapping[str, Any], doing: str) -> dict[str, Any]:
        """Its answer.  Raises Unreachable (it may have happened all the same), or what AWS refuses."""
        prefix, version = _PROTOCOLS[self._service]
        headers = {
            "Content-Type": f"application/x-amz-json-{version}",
            "Host": urlsplit(self._base).netloc,
            "X-Amz-Target": f"{prefix}.{operation}",
        }
        data = json.dumps(body).encode()
        scope = (self._region, self._service)
        signed_headers = signed(headers, data, self._keys(), scope=scope, moment=self._clock())
        status, answer, request = self._exchange(data, signed_headers, doing)
        if status >= 400:
            refused = Refused(_refusal(status, answer, request))
            raise refusal(refused.response, doing) from refused
        try:
            return _json(answer)
        except ValueError:
            words = f"{doing}: the answer is not AWS's: HTTP {status}, and no JSON object"
            hint = "see what answers in its place: a proxy, or a gate of the container's network"
            raise Unreachable(words, hint=hint) from None  # the cause holds the answer

    def _exchange(
        self, data: bytes, headers: Mapping[str, str], doing: str
    ) -> tuple[int, bytes, str]:
        """Status, body and AWS's id of one request."""
        connection = self._taken()
        try:
            connection.request("POST", "/", body=data, headers=dict(headers))
            with connection.getresponse() as response:
                answer = (
                    response.status,
                    response.read(),
                    response.headers.get("x-amzn-RequestId", ""),
                )
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            words = f"{doing}: no answer ({type(error).__name__}: {error})"
            hint = "try again; if it stays so, check the container's network"
            raise Unreachable(words, hint=hint) from error
        self._idle.append(connection)
        return answer

    def _taken(self) -> http.client.HTTPConnection:
        try:
            return self._idle.pop()
        except IndexError:
            return _connection(self._base)


def _close_all(connections: list[http.client.HTTPConnection]) -> None:
    for connection in connections:
        connection.close()


def signed(
    headers: Mapping[str, str], data: bytes, keys: Keys, *, scope: tuple[str, str], moment: datetime
) -> dict[str, str]:
    """`headers` of a POST to `/`, and its signature.  `scope` is (region, service)."""
    stamp = moment.strftime("%Y%m%dT%H%M%SZ")
    token = {"X-Amz-Security-Token": keys.token.reveal()} if keys.token else {}
    sent = {**headers, "X-Amz-Date": stamp, **token}
    lower = {name.lower(): value.strip() for name, value in sent.items()}
    names = ";".join(sorted(lower))
    lines = "".join(f"{name}:{lower[name]}\n" for name in sorted(lower))
    canonical = f"POST\n/\n\n{lines}\n{names}\n{hashlib.sha256(data).hexdigest()}"
    place = f"{stamp[:8]}/{'/'.join(scope)}/aws4_request"
    text = f"{_ALGORITHM}\n{stamp}\n{place}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    signature = hmac.new(_derived(keys.secret, place), text.encode(), "sha256").hexdigest()
    credential = f"Credential={keys.id}/{place}, SignedHeaders={names}, Signature={signature}"
    return {**sent, "Authorization": f"{_ALGORITHM} {credential}"}


def _derived(secret: Secret, place: str) -> bytes:
    """The key of one day, region and service."""
    key = f"AWS4{secret.reveal()}".encode()
    for part in place.split("/"):
        key = hmac.new(key, part.encode(), "sha256").digest()
    return key


def _address(service: str, region: str) -> str:
    suffix = ".cn" if region.startswith(_CHINA) else ""
    return f"https://{service}.{region}.amazonaws.com{suffix}"


def _checked(base: str) -> str:
    parts = urlsplit(base)
    if parts.scheme != "https" and parts.hostname not in _LOOPBACK:
        raise ConfigError(
            f"{base} is not on this machine, and would be spoken to without TLS",
            hint="AWS_ENDPOINT_URL is for the sandbox only: leave it out to reach AWS",
        )
    return base


def _connection(base: str) -> http.client.HTTPConnection:
    parts = urlsplit(base)
    if parts.scheme == "https":
        context = ssl.create_default_context()
        return http.client.HTTPSConnection(parts.netloc, timeout=_TIMEOUT, context=context)
    return http.client.HTTPConnection(parts.netloc, timeout=_TIMEOUT)


def _refusal(status: int, data: bytes, request: str) -> Mapping[str, Any]:
    """An answer that is a refusal, as botocore has it
    (https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html#operation-error-serialization)."""
    try:
        said = _json(data)
    except ValueError:  # a proxy's page
        said = {}
    code = str(said.get("__type") or status).rpartition("#")[2].partition(":")[0]
    message = said.get("message") or said.get("Message") or f"answered {status}"
    metadata = {"HTTPStatusCode": status, "RequestId": request}
    return {"Error": {"Code": code, "Message": message}, "ResponseMetadata": metadata}


def _json(data: bytes) -> dict[str, Any]:
    """Raises ValueError for anything but an object."""
    said = json.loads(data) if data.strip() else {}
    if not isinstance(said, dict):
        raise ValueError("no object")
    return said
