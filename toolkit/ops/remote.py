"""One conversation with a gateway over HTTP: its address, this machine's key for it, and its refusals as our errors."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from toolkit.core.errors import (
    AccessDenied,
    AlError,
    Conflict,
    CredentialError,
    NotFound,
    Throttled,
    Unreachable,
    UsageError,
)
from toolkit.core.retry import retrying
from toolkit.core.secrets import Secret
from toolkit.ops.credentials import GATEWAY_PATH, cloud_name, own_key_name
from toolkit.wiring import Services

if TYPE_CHECKING:
    import httpx

KEY = "AL_GATEWAY_API_KEY"
READ_SECONDS = 40.0  # the gateway answers within 20 s or sends a heartbeat every 15 s
BUSY_SECONDS = 20.0  # for as long a busy gateway is asked again
SOON = 5  # seconds that it may ask us to wait; who is told of more decides himself
LOOPBACK = ("127.0.0.1", "localhost", "::1")
_KINDS: Mapping[int, type[AlError]] = {400: UsageError, 404: NotFound, 409: Conflict}


class Refused(Unreachable):
    """Nobody listens at the gateway's address."""


class Busy(Throttled):
    """The gateway has done nothing, and says that it will in a moment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remote:
    """A gateway, for who has its key."""

    url: str
    key: Secret

    def get(self, path: str, **query: Any) -> dict[str, Any]:
        """The JSON answer.  Raises Refused, Unreachable, CredentialError, and what the gateway says is wrong."""
        return self._asked("GET", path, params={k: v for k, v in query.items() if v is not None})

    def post(self, path: str, **fields: Any) -> dict[str, Any]:
        """The same."""
        return self._asked("POST", path, json={k: v for k, v in fields.items() if v is not None})

    def client(self) -> "httpx.Client":
        import httpx

        local = urlsplit(self.url).hostname in LOOPBACK
        return httpx.Client(
            base_url=self.url.rstrip("/"),
            headers={"Authorization": f"Bearer {self.key.reveal()}"},
            timeout=httpx.Timeout(READ_SECONDS, connect=10.0),
            trust_env=not local,  # a proxy does not know this machine's loopback
        )

    def _asked(self, method: str, path: str, **more: Any) -> dict[str, Any]:
        def once() -> dict[str, Any]:
            with self.client() as client, reached(self.url):
                return body(client.request(method, path, **more))

        return retrying(once, seconds=BUSY_SECONDS, retry=lambda error: isinstance(error, Busy))


@contextmanager
def reached(url: str) -> Iterator[None]:
    """Transport errors as ours."""
    import httpx

    try:
        yield
    except httpx.ConnectError as error:
        raise Refused(
            f"the gateway at {url} cannot be reached ({error})",
            hint="check the address with `al env show`, or `al push` to deploy it again",
        ) from error
    except httpx.HTTPError as error:
        raise Unreachable(
            f"the gateway at {url} broke off ({type(error).__name__})", hint="try again"
        ) from error
    except httpx.InvalidURL as error:
        raise UsageError(
            f"{url!r} is no address of a gateway", hint="correct it in the environment's file"
        ) from error


def body(answer: "httpx.Response") -> dict[str, Any]:
    """The JSON object of a good answer.  Raises what a bad one says."""
    if answer.status_code != 200:
        raise refusal(answer)
    try:
        read = answer.json()
    except ValueError as error:
        raise strange(answer) from error
    if not isinstance(read, dict):
        raise strange(answer)
    return read


def refusal(answer: "httpx.Response") -> AlError:
    """What the gateway says is wrong, as an error of ours."""
    try:
        told = answer.json()
        message, hint = str(told["error"]), str(told.get("hint") or "see the gateway's log")
    except (ValueError, TypeError, KeyError, AttributeError):
        if answer.status_code == 429:  # Lambda's own, before the gateway was asked
            return Busy("the gateway is busy: too many ask at once", hint="try again later")
        if answer.status_code in (502, 504):
            return Unreachable(f"the gateway answers {answer.status_code}", hint="try again later")
        return strange(answer)
    if answer.status_code in (401, 403):
        return CredentialError(
            "the gateway does not accept this machine's API key",
            hint=f"push again, or set the key with `al creds add gateway_api_key` or {KEY}",
        )
    if answer.status_code in (429, 503) and "retry-after" in answer.headers:
        return (Busy if _soon(answer) else Throttled)(message, hint=hint)
    return _KINDS.get(answer.status_code, AlError)(f"the gateway says: {message}", hint=hint)


def _soon(answer: "httpx.Response") -> bool:
    """Whether to come again by ourselves.  After a 503 something may have been done, so what changes is not asked twice."""
    again = answer.status_code == 429 or answer.request.method == "GET"
    wait = answer.headers["retry-after"]  # an HTTP date in place of seconds means later
    return again and wait.isdecimal() and int(wait[:9]) <= SOON


def strange(answer: "httpx.Response") -> AlError:
    preview = " ".join(answer.text[:120].split())
    return AlError(
        f"the gateway answered {answer.status_code} with something that is not its own: {preview!r}",
        hint="the address is probably wrong, or a proxy stands between",
    )


# ---------------------------------------------------------------------- where, and with which key


def deployed_url(services: Services) -> str | None:
    """Where the ledger says that the gateway is.  Raises NotFound where there is no ledger yet."""
    try:
        return (services.ledger.fact("gateway") or {}).get("url")
    except NotFound as error:
        env = services.environment.name
        raise NotFound(f"nothing has been pushed to {env} yet", hint=f"al push -E {env}") from error


def gateway_key(services: Services, variables: Mapping[str, str] = os.environ) -> Secret | None:
    """This machine's key for the environment's gateway, or None."""
    if given := variables.get(KEY):
        return Secret(given)
    if services.environment.cloud is None:
        return services.local_store.get(GATEWAY_PATH)
    names = services.context.names
    known = services.local_store.get(own_key_name(names))
    if known is None and (known := _deployed_key(services)):
        with suppress(
            CredentialError
        ):  # it spares the next call a look; a machine without a home does without
            services.local_store.put(own_key_name(names), known, tags={})  # another machine pushed
    return known or services.local_store.get(GATEWAY_PATH)


def _deployed_key(services: Services) -> Secret | None:
    """The key in the environment's store; who reads logs need not be allowed to read it there."""
    try:
        return services.store.get(cloud_name(services.context.names, GATEWAY_PATH))
    except AccessDenied:
        return None
