"""Who may ask: one API key for the environment, as a bearer token.

Everything needs the key but the few open paths, so that a new route is closed until someone opens it.  Without
a key in the environment's store nothing is answered: the gateway is never open by accident.
"""

import hmac
import re
import threading
import time
from collections.abc import Callable

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from toolkit.core.agent import CredentialRef
from toolkit.core.errors import CredentialError
from toolkit.core.ports import Context, Store
from toolkit.core.secrets import Secret

KEY_SECONDS = (
    60.0  # how long a key is taken as valid without looking again: rotation needs no restart
)
RECHECK_SECONDS = 5.0  # the least time between two looks because of a wrong key

# open: what says nothing, and what later carries a webhook's signature or a run's own token
OPEN = re.compile(
    r"/health|/webhooks/[^/]+|/shutdown|/locks/(acquire|release|heartbeat|list)|/calls(/[^/]+)?|/signals/[^/]+"
)


def stored_key(context: Context, store: Store) -> Callable[[], Secret | None]:
    """Reads the environment's key, which this machine's own store keeps without the environment's prefix."""
    ref = CredentialRef(type="gateway_api_key")
    name = f"{ref.type}/{ref.instance}/key"
    if context.environment.cloud is not None:
        name = context.names.credential(ref, "key")
    return lambda: store.get(name)


class KeyRing:
    """The key as it is now, looked at again from time to time."""

    def __init__(
        self, load: Callable[[], Secret | None], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._load = load
        self._clock = clock
        self._lock = threading.Lock()
        self._key: Secret | None = None
        self._looked = float("-inf")

    def accepts(self, presented: bytes) -> bool:
        """Whether this is the key.  Raises CredentialError when there is none, and what the store raises."""
        if self._matches(presented, self._present(KEY_SECONDS)):
            return True
        return self._matches(presented, self._present(RECHECK_SECONDS))

    def _present(self, seconds: float) -> Secret:
        with self._lock:
            if self._clock() - self._looked >= seconds:
                self._key = None  # when the store fails, the old key is no longer good
                self._key = self._load()
                self._looked = self._clock()
            if not self._key:
                self._looked = float("-inf")
                raise CredentialError(
                    "the gateway has no API key",
                    hint="run `al push`, which makes one and brings it here",
                )
            return self._key

    @staticmethod
    def _matches(presented: bytes, key: Secret) -> bool:
        return hmac.compare_digest(presented, key.reveal().encode())


class Guard:
    """ASGI middleware: lets open paths and holders of the key through."""

    def __init__(self, app: ASGIApp, keys: KeyRing) -> None:
        self._app = app
        self._keys = keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":  # there are none yet, and none comes in without a key
            return await send({"type": "websocket.close", "code": 1008})
        if scope["type"] == "lifespan" or OPEN.fullmatch(scope["path"]):
            return await self._app(scope, receive, send)
        if await run_in_threadpool(self._keys.accepts, _bearer(scope)):
            return await self._app(scope, receive, send)
        refusal = JSONResponse(
            {"error": "Unauthorized", "hint": "send the header `Authorization: Bearer KEY`"},
            status_code=401,
            headers={"www-authenticate": "Bearer"},
        )
        return await refusal(scope, receive, send)


def _bearer(scope: Scope) -> bytes:
    scheme, _, token = Headers(scope=scope).get("authorization", "").partition(" ")
    return token.strip().encode() if scheme.lower() == "bearer" else b""
