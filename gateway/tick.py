"""POST /tick: the clock of a gateway that has none, and its own call to go on with what it has accepted.

Before everything else of the application, since who calls is no user of it: Google's Cloud Scheduler with an OpenID Connect
token of the gateway's own account, or the gateway itself with a proof that it has the environment's key.  The key does as
well, for whoever has another clock.
"""

import hmac
import http.client
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from toolkit.core.errors import AlError, Unreachable

from .auth import FAILED_KEYS, UNAUTHORIZED, KeyRing, too_many
from .identity import Signatures
from .rates import Limiter, Network, address_of
from .standing import Scheduling

TICK, WORK = "/tick", "/tick/work"
# in which something may be begun; less than the timer waits for its answer (DEADLINE in infra/desired/gcp_schedule.py)
SECONDS = 90.0
PROOF, PROOF_SECONDS = "Al-Proof", 60.0
SEND_SECONDS = 5.0  # a sender of webhooks waits meanwhile


@dataclass(frozen=True, slots=True, kw_only=True)
class Callers:
    """Who may tick.  `account` is the gateway's own e-mail, `url` what it is reached at, as the last push recorded it."""

    keys: KeyRing
    account: str
    url: Callable[[], str | None]
    signatures: Signatures = field(default_factory=Signatures)
    clock: Callable[[], float] = time.time

    def known(self, authorization: str) -> bool:
        """Raises CredentialError without a key in the store, and what the stores raise."""
        scheme, _, given = authorization.partition(" ")
        if scheme == PROOF:
            return self._proven(given)
        return scheme.lower() == "bearer" and (self._timer(given) or self._key(given))

    def proof(self) -> str:
        """An Authorization header that nobody can make without the key, good for a minute; the key is not in it."""
        until = str(int(self.clock() + PROOF_SECONDS))
        return f"{PROOF} {until}.{self._mark(until)}"

    def _proven(self, given: str) -> bool:
        until, _, mark = given.partition(".")
        if not until.isdecimal() or not 0 <= int(until[:12]) - self.clock() <= PROOF_SECONDS:
            return False
        return hmac.compare_digest(mark.encode(), self._mark(until).encode())

    def _mark(self, until: str) -> str:
        return self.keys.bind(f"tick {until}")

    def _timer(self, token: str) -> bool:
        url = self.url() if token.count(".") == 2 else None  # only then it is a token at all
        return url is not None and self.signatures.email(token, url) == self.account

    def _key(self, given: str) -> bool:
        return bool(given) and self.keys.accepts(given.encode())


class Door:
    """ASGI middleware: takes ticks, and calls on after answers that have left work behind."""

    def __init__(
        self,
        app: ASGIApp,
        scheduling: Scheduling,
        callers: Callers,
        trusted: tuple[Network, ...] = (),
        *,
        failures: Limiter | None = None,
    ) -> None:
        self._app, self._scheduling, self._callers = app, scheduling, callers
        self._trusted, self._failures = trusted, failures or Limiter(FAILED_KEYS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await self._app(scope, self._life(receive), send)
        if scope["type"] != "http":
            return await self._app(scope, receive, send)

        async def passing_on(message: Message) -> None:
            # before the answer: afterwards this process may have no processor
            if message["type"] == "http.response.start" and self._scheduling.rung:
                await run_in_threadpool(self._scheduling.pass_on)
            await send(message)

        if scope["path"] in (TICK, WORK) and scope["method"] == "POST":
            answer = await run_in_threadpool(self._ticked, scope)
            return await answer(scope, receive, passing_on)
        return await self._app(scope, receive, passing_on)

    def _life(self, receive: Receive) -> Receive:
        """The scheduler begins and ends with the process."""

        async def noted() -> Message:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self._scheduling.begin()
            elif message["type"] == "lifespan.shutdown":
                await run_in_threadpool(self._scheduling.end)
            return message

        return noted

    def _ticked(self, scope: Scope) -> Response:
        try:
            if refusal := self._refusal(scope):
                return refusal
            act = self._scheduling.tick if scope["path"] == TICK else self._scheduling.work
            act(SECONDS)
        except AlError as error:  # the timer comes again
            told = {"error": error.message, "hint": error.hint}
            return JSONResponse(told, status_code=503)
        return Response(status_code=204)

    def _refusal(self, scope: Scope) -> Response | None:
        address = address_of(scope, self._trusted)
        if wait := self._failures.wait(address):
            return too_many("too many wrong keys came from your address", wait)
        if self._callers.known(Headers(scope=scope).get("authorization", "")):
            return None
        self._failures.note(address)
        return JSONResponse(UNAUTHORIZED, status_code=401, headers={"www-authenticate": "Bearer"})


def call_on(callers: Callers) -> None:
    """Have this service called once more.  Returns when the request has been sent; its answer is waited for on a thread,
    so that it stays a request.  Raises Unreachable."""
    url = callers.url()
    if url is None:
        raise Unreachable("the gateway's own address is not recorded", hint="run `al push`")
    place = urlsplit(url)
    kind = http.client.HTTPConnection if place.scheme == "http" else http.client.HTTPSConnection
    connection = kind(place.netloc, timeout=SEND_SECONDS)
    try:
        connection.request(
            "POST", WORK, headers={"Authorization": callers.proof(), "Content-Length": "0"}
        )
    except (OSError, http.client.HTTPException) as error:
        connection.close()
        raise Unreachable(f"{url} does not answer ({error})", hint="the timer goes on") from error
    threading.Thread(target=_answered, args=(connection,), daemon=True, name="al-call-on").start()


def _answered(connection: http.client.HTTPConnection) -> None:
    """However it ends, the work is durable and the timer comes."""
    try:
        if connection.sock is not None:
            connection.sock.settimeout(SECONDS + SEND_SECONDS)
        connection.getresponse().read()
    except (OSError, http.client.HTTPException):
        return
    finally:
        connection.close()
