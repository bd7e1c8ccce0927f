"""Who may ask: one API key for the environment, as a bearer token, or the session of a browser that has shown it.

Everything needs one of them but the few open paths, so that a new route is closed until someone opens it.  Without
a key in the environment's store nothing is answered: the gateway is never open by accident.
"""

import hashlib
import hmac
import re
import threading
import time
from collections.abc import Callable, Sequence

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from toolkit.core.agent import CredentialRef
from toolkit.core.errors import CredentialError
from toolkit.core.ports import Context, Store
from toolkit.core.secrets import Secret

from .rates import Limiter, Network, Rate, address_of
from .sessions import Sessions, from_elsewhere, presented

KEY_SECONDS = (
    60.0  # how long a key is taken as valid without looking again: rotation needs no restart
)
RECHECK_SECONDS = 5.0  # the least time between two looks because of a wrong key
FAILED_KEYS = Rate(most=30)  # a minute and address
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})

# open: what says nothing, what makes or ends a session, and what carries a webhook's signature or a run's own token
OPEN = re.compile(
    r"/health|/login|/api/auth/(login|logout)|/webhooks/[^/]+(/[^/]+)?|/shutdown"
    r"|/locks/(acquire|release|heartbeat|list)|/calls(/[^/]+)?|/signals/[^/]+|/relay"
)
UNAUTHORIZED = {"error": "Unauthorized", "hint": "send the header `Authorization: Bearer KEY`"}
FOREIGN = {
    "error": "another site made your browser send this",
    "hint": "do it from the gateway's own pages",
}


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

    def bind(self, text: str) -> str:
        """What only this key makes of `text`, in hex; raises as `accepts`."""
        key = self._present(KEY_SECONDS).reveal().encode()
        return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()

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
    """ASGI middleware: lets open paths, holders of the key and sessions through."""

    def __init__(
        self,
        app: ASGIApp,
        keys: KeyRing,
        sessions: Sessions,
        trusted: Sequence[Network] = (),
        *,
        failures: Limiter | None = None,
    ) -> None:
        self._app = app
        self._keys = keys
        self._sessions = sessions
        self._trusted = trusted
        self._failures = failures or Limiter(FAILED_KEYS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":  # there are none yet, and none comes in without a key
            return await send({"type": "websocket.close", "code": 1008})
        if scope["type"] == "lifespan" or OPEN.fullmatch(scope["path"]):
            return await self._app(scope, receive, send)
        refusal = await run_in_threadpool(self._refusal, scope)
        return await (refusal or self._app)(scope, receive, send)

    def _refusal(self, scope: Scope) -> Response | None:
        """Why it may not pass; None when it may."""
        address, key = address_of(scope, self._trusted), _bearer(scope)
        if key and (wait := self._failures.wait(address)):  # before the key is looked at
            return too_many("too many wrong keys came from your address", wait)
        if self._keys.accepts(key):
            return None
        if key:
            self._failures.note(address)
        elif (session := presented(scope)) and self._sessions.knows(session):
            changes = scope["method"] not in SAFE
            foreign = changes and from_elsewhere(scope)
            return JSONResponse(FOREIGN, status_code=403) if foreign else None
        return _unauthorized(scope)


def too_many(what: str, wait: int) -> JSONResponse:
    """429; `wait` in seconds.  https://www.rfc-editor.org/rfc/rfc6585#section-4"""
    told = {"error": what, "hint": f"try again in {wait} s"}
    return JSONResponse(told, status_code=429, headers={"retry-after": str(wait)})


def _unauthorized(scope: Scope) -> Response:
    """A browser that wants a page is sent to where it can log in."""
    if scope["method"] == "GET" and "text/html" in Headers(scope=scope).get("accept", ""):
        return RedirectResponse("/login", status_code=302)
    return JSONResponse(UNAUTHORIZED, status_code=401, headers={"www-authenticate": "Bearer"})


def _bearer(scope: Scope) -> bytes:
    scheme, _, token = Headers(scope=scope).get("authorization", "").partition(" ")
    return token.strip().encode() if scheme.lower() == "bearer" else b""
