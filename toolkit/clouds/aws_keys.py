"""The session of the role that a container has: in its variables on Lambda, from the platform's own server elsewhere.

Standard library only.  A key is never in an error, and is asked for only where the platform says, without TLS only on this
machine or its link (https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html).
"""

import http.client
import json
import threading
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from toolkit.core.clock import now
from toolkit.core.errors import AccessDenied, ConfigError, Unreachable
from toolkit.core.secrets import Secret

# of ECS, and of EKS in both families
_LINK = ("169.254.170.2", "169.254.170.23", "fd00:ec2::23", "127.0.0.1", "localhost", "::1")
_ECS = "http://169.254.170.2"
_MARGIN = timedelta(minutes=5)  # before its end in which a session is not used any more
_TIMEOUT = 5.0  # seconds: the server is on this machine's own link
_HINT = "give the task a role: `al doctor -c -E ENV` says which one it should have"
_DOING = "asking the platform for the role's session"


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """One session; `until` None: for as long as the process lives."""

    id: str
    secret: Secret
    token: Secret | None = None
    until: datetime | None = None


class RoleKeys:
    """The role's session, asked for again shortly before its end.  Thread-safe."""

    def __init__(self, environ: Mapping[str, str], *, clock: Callable[[], datetime] = now) -> None:
        self._environ, self._clock = environ, clock
        self._lock = threading.Lock()
        self._known: Keys | None = None

    def __call__(self) -> Keys:
        """Raises AccessDenied where there is no role, Unreachable when nobody answers."""
        with self._lock:
            known = self._known
            if known is None or (known.until and known.until - _MARGIN < self._clock()):
                self._known = known = self._asked()
            return known

    def _asked(self) -> Keys:
        if key := self._environ.get("AWS_ACCESS_KEY_ID"):
            token = self._environ.get("AWS_SESSION_TOKEN")
            secret = Secret(self._environ.get("AWS_SECRET_ACCESS_KEY", ""))
            return Keys(id=key, secret=secret, token=Secret(token) if token else None)
        return _read(_fetched(self._address(), self._authorization()))

    def _address(self) -> str:
        if path := self._environ.get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"):
            return _ECS + path
        if url := self._environ.get("AWS_CONTAINER_CREDENTIALS_FULL_URI"):
            return _checked(url)
        raise AccessDenied("the container has no role of AWS", hint=_HINT)

    def _authorization(self) -> Secret | None:
        if file := self._environ.get("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"):
            return Secret(Path(file).read_text().strip())
        token = self._environ.get("AWS_CONTAINER_AUTHORIZATION_TOKEN")
        return Secret(token) if token else None


def _checked(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme != "https" and parts.hostname not in _LINK:
        raise ConfigError(
            f"AWS_CONTAINER_CREDENTIALS_FULL_URI names {parts.hostname}, without TLS",
            hint="it may name this machine or its link, or an https address",
        )
    return url


def _fetched(url: str, authorization: Secret | None) -> bytes:
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
    headers = {"Authorization": authorization.reveal()} if authorization else {}
    target = f"{parts.path}?{parts.query}" if parts.query else parts.path
    try:
        with closing(kind(parts.netloc, timeout=_TIMEOUT)) as connection:
            connection.request("GET", target, headers=headers)
            with connection.getresponse() as response:
                status, data = response.status, response.read()
    except (OSError, http.client.HTTPException) as error:
        words = f"{_DOING}: no answer ({type(error).__name__})"
        raise Unreachable(
            words, hint="try again; if it stays so, check the task's network"
        ) from error
    if status >= 500 or status == 429:
        raise Unreachable(f"{_DOING}: answered {status}", hint="try again")
    if status >= 400:
        raise AccessDenied(f"{_DOING}: answered {status}", hint=_HINT)
    return data


def _read(data: bytes) -> Keys:
    try:
        answer = json.loads(data)
        until = datetime.fromisoformat(answer["Expiration"]) if "Expiration" in answer else None
        return Keys(
            id=answer["AccessKeyId"],
            secret=Secret(answer["SecretAccessKey"]),
            token=Secret(answer["Token"]),
            until=until.astimezone(UTC) if until else None,
        )
    except (ValueError, LookupError, TypeError):
        raise AccessDenied(f"{_DOING}: the answer is no session", hint=_HINT) from None
