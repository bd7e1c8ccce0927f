"""OpenID Connect tokens of service accounts, and the public key that they are checked with.

https://cloud.google.com/docs/authentication/token-types#id; Google's keys: https://www.googleapis.com/oauth2/v1/certs.
"""

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.auth import crypt, jwt

from .accounts import Accounts
from .refusals import not_found

if TYPE_CHECKING:
    from .cloud import Google

LIFE = 3600  # seconds
_BITS, _EXPONENT = 2048, 65537


def _made() -> bytes:
    key = rsa.generate_private_key(public_exponent=_EXPONENT, key_size=_BITS)
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )


@dataclass(slots=True)
class SigningKey:
    """The cloud's one key pair."""

    private: bytes = field(default_factory=_made, repr=False)

    @property
    def public(self) -> str:
        key = serialization.load_pem_private_key(self.private, None).public_key()
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        return key.public_bytes(serialization.Encoding.PEM, form).decode()

    @property
    def id(self) -> str:
        return hashlib.sha1(self.public.encode(), usedforsecurity=False).hexdigest()


def issue(google: "Google", email: str, audience: str) -> str:
    """Raises Refused when there is no such account."""
    account = google.of(Accounts).by_email.get(email)
    if account is None or account.disabled:
        raise not_found(email)
    key, now = google.of(SigningKey), int(google.now().timestamp())
    claims = {
        "aud": audience,
        "azp": account.unique_id,
        "email": email,
        "email_verified": True,
        "exp": now + LIFE,
        "iat": now,
        "iss": "https://accounts.google.com",
        "sub": account.unique_id,
    }
    signer = crypt.RSASigner.from_string(key.private, key.id)  # type: ignore[no-untyped-call]
    token: bytes = jwt.encode(signer, claims)  # type: ignore[no-untyped-call]
    return token.decode()


def certificates(google: "Google") -> dict[str, str]:
    """The key's id -> the key."""
    key = google.of(SigningKey)
    return {key.id: key.public}
