"""How senders sign: HMAC with SHA-256 in hex or Base64, and a time that is signed with the body.

Everything is compared in constant time (https://docs.python.org/3/library/hmac.html#hmac.compare_digest), as bytes, since
a header may hold anything.
"""

import base64
import hmac
from datetime import datetime

from toolkit.core.secrets import Secret
from toolkit.core.webhook import WINDOW_SECONDS


def hex_hmac(secret: Secret, *parts: bytes) -> str:
    return _digest(secret.reveal().encode(), parts).hex()


def base64_hmac(key: bytes, *parts: bytes) -> str:
    return base64.b64encode(_digest(key, parts)).decode("ascii")


def same(presented: str | None, expected: str) -> bool:
    """Whether the sender presented what we expect.  Nothing presented is not the same as anything."""
    return presented is not None and hmac.compare_digest(
        presented.encode("utf-8", "replace"), expected.encode()
    )


def fresh(seconds: str | None, moment: datetime) -> bool:
    """Whether the sender's time, whole seconds since 1970, is at most five minutes from ours, before or after."""
    if seconds is None or not (seconds.isascii() and seconds.isdecimal()) or len(seconds) > 12:
        return False
    return abs(moment.timestamp() - int(seconds)) <= WINDOW_SECONDS


def fresh_ms(milliseconds: object, moment: datetime) -> bool:
    """The same for a number of milliseconds in a signed body."""
    if not isinstance(milliseconds, int) or isinstance(milliseconds, bool):
        return False
    return abs(moment.timestamp() * 1000 - milliseconds) <= WINDOW_SECONDS * 1000


def _digest(key: bytes, parts: tuple[bytes, ...]) -> bytes:
    return hmac.digest(key, parts[0] if len(parts) == 1 else b"".join(parts), "sha256")
