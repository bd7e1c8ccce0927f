"""Who has logged in with a browser: an opaque cookie, and what the ledger keeps of it, which opens nothing by itself.

A session is a fact of the environment, so that every gateway process knows it.  The ledger has the hash of its id, when
it ends, and a proof that binds it to the API key: another key ends every session.
"""

import hashlib
import re
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.types import Scope

from toolkit.core.clock import from_iso, iso
from toolkit.core.ports import Ledger

COOKIE = "al_session"
FACT = "session/"
LIFE = timedelta(hours=24)
RENEWED_AFTER = timedelta(hours=1)  # a session in use is written again no more often than this
MOST = 1_000  # a log-in beyond them ends the one that would end first
LOOPBACK = ("localhost", "127.0.0.1", "::1")
_ID = re.compile(r"[0-9a-f]{64}")  # 32 random bytes


class Sessions:
    """`bind` makes of a text what only the holder of the present API key can make of it."""

    def __init__(
        self, ledger: Ledger, bind: Callable[[str], str], *, clock: Callable[[], datetime]
    ) -> None:
        self._ledger = ledger
        self._bind = bind
        self._clock = clock

    def begin(self) -> str:
        """The id of a new session, which nobody else is ever told."""
        session = secrets.token_hex(32)
        self._make_room()
        self._ledger.set_fact(_key(session), self._fact(session))
        return session

    def knows(self, session: str) -> bool:
        """Whether it goes on; using it keeps it alive."""
        fact = self._ledger.fact(_key(session)) if _ID.fullmatch(session) else None
        if not fact or not secrets.compare_digest(fact["proof"], self._bind(session)):
            return False
        left = from_iso(fact["expires"]) - self._clock()
        if left <= timedelta():
            return False
        if left < LIFE - RENEWED_AFTER:  # one that somebody ends meanwhile stays ended
            self._ledger.set_fact(_key(session), self._fact(session), expected=fact)
        return True

    def end(self, session: str) -> None:
        """Harmless when there is none."""
        if _ID.fullmatch(session):
            self._ledger.set_fact(_key(session), None)

    def _fact(self, session: str) -> dict[str, str]:
        return {"expires": iso(self._clock() + LIFE), "proof": self._bind(session)}

    def _make_room(self) -> None:
        """Forget those that have ended, and those that would end first where there are too many."""
        facts = self._ledger.facts(FACT)
        for key in superfluous(facts, iso(self._clock()), most=MOST - 1):
            self._ledger.set_fact(key, None)


def superfluous(facts: Mapping[str, Any], moment: str, *, most: int) -> list[str]:
    """Which are over, and which must go for no more than `most` to stay."""
    by_end = sorted(facts, key=lambda key: str(facts[key]["expires"]))
    over = sum(facts[key]["expires"] <= moment for key in by_end)
    return by_end[: max(over, len(by_end) - most)]


def _key(session: str) -> str:
    return FACT + hashlib.sha256(session.encode()).hexdigest()


# ------------------------------------------------------------------------------- the cookie


def presented(scope: Scope) -> str:
    """The session id that the browser sends, or ""."""
    return cookie_parser(Headers(scope=scope).get("cookie", "")).get(COOKIE, "")


def cookie(session: str, *, secure: bool) -> str:
    """The Set-Cookie header's value; an empty `session` takes the cookie away.

    https://developer.mozilla.org/docs/Web/HTTP/Reference/Headers/Set-Cookie
    """
    age = int(LIFE.total_seconds()) if session else 0
    parts = [f"{COOKIE}={session}", "HttpOnly", "SameSite=Strict", "Path=/", f"Max-Age={age}"]
    return "; ".join([*parts, "Secure"] if secure else parts)


def on_this_machine(scope: Scope) -> bool:
    """Whether the browser speaks to localhost, where there is no TLS and a Secure cookie may not be kept."""
    host = Headers(scope=scope).get("host", "")
    return _hostname(host) in LOOPBACK


def from_elsewhere(scope: Scope) -> bool:
    """Whether another site made the browser send this: SameSite keeps the cookie from most of those already.

    https://www.w3.org/TR/fetch-metadata/#sec-fetch-site-header; a browser without it sends Origin with every POST.
    """
    headers = Headers(scope=scope)
    if site := headers.get("sec-fetch-site"):
        return site not in ("same-origin", "none")
    origin = headers.get("origin")
    return origin is not None and urlsplit(origin).netloc != headers.get("host", "")


def _hostname(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:  # no host at all: brackets that do not match
        return ""
