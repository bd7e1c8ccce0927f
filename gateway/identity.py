"""Who a request from Google says that it is: an OpenID Connect token of a service account, checked here.

Everybody may call the gateway's address, so Cloud Run's own check lets everybody through.  A token is good when Google
signed it, for us, for that one account, and it has not expired
(https://cloud.google.com/docs/authentication/token-types#id).
"""

import json
import os
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.request import ProxyHandler, build_opener, urlopen

from toolkit.core.errors import Unreachable

CERTIFICATES = "https://www.googleapis.com/oauth2/v1/certs"
ISSUERS = frozenset(("https://accounts.google.com", "accounts.google.com"))
# Google's keys change every few days, and a new one is published a day before
# (https://developers.google.com/identity/openid-connect/openid-connect#validatinganidtoken)
FRESH_SECONDS = 3600.0
SOONEST = 60.0  # seconds between two looks because of a key that is unknown: anybody may name one
SKEW = 30  # seconds by which two clocks may differ
TIMEOUT = 10.0  # seconds

Keys = Mapping[str, str]  # a key's id -> the key, or its certificate, as PEM


def fetched() -> Keys:
    """Google's public keys; in the embedded cloud, that one's.  Raises Unreachable."""
    base = os.environ.get("AL_GCP_HTTP")
    url = f"{base}/oauth2/v1/certs" if base else CERTIFICATES
    # no proxy stands between this machine and itself
    ask = build_opener(ProxyHandler({})).open if base else urlopen
    try:
        with ask(url, timeout=TIMEOUT) as answer:
            return {str(k): str(v) for k, v in json.load(answer).items()}
    except (OSError, ValueError) as error:
        raise Unreachable(
            f"Google's public keys could not be read ({error})", hint="the next tick tries again"
        ) from error


class Signatures:
    """What Google signs with, looked at again when it is old or a key is unknown."""

    def __init__(
        self,
        fetch: Callable[[], Keys] = fetched,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._fetch, self._clock = fetch, clock
        self._guard = threading.Lock()
        self._keys: Keys = {}
        self._looked = float("-inf")

    def email(self, token: str, audience: str) -> str | None:
        """Whose token this is; None when it is none that is good for this audience.  Raises Unreachable."""
        from google.auth import exceptions, jwt

        try:
            header = jwt.decode_header(token)  # type: ignore[no-untyped-call]
            claims = jwt.decode(  # type: ignore[no-untyped-call]
                token,
                certs=self._known(str(header.get("kid"))),
                audience=audience,
                clock_skew_in_seconds=SKEW,
            )
        except (ValueError, exceptions.GoogleAuthError):
            return None
        return _verified(claims)

    def _known(self, key: str) -> dict[str, str]:
        with self._guard:
            age = self._clock() - self._looked
            if age > FRESH_SECONDS or (key not in self._keys and age > SOONEST):
                self._keys = self._fetch()
                self._looked = self._clock()
            return dict(self._keys)


def _verified(claims: Mapping[str, Any]) -> str | None:
    if claims.get("iss") not in ISSUERS or claims.get("email_verified") is not True:
        return None
    return str(claims.get("email") or "") or None
