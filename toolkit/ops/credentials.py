"""Credential values on their way into an environment: what differs, and writing exactly that.

Values are compared by fingerprint: an HMAC under a key that lives in the environment's own secret store, so
neither the ledger nor a plan holds anything from which a value could be guessed.
"""

import hashlib
import hmac
import secrets
from collections.abc import Collection, Mapping
from typing import Any

from toolkit.core.agent import CredentialRef, Project
from toolkit.core.names import Names
from toolkit.core.plan import Item
from toolkit.core.ports import Store
from toolkit.core.secrets import Secret
from toolkit.credentials import resolve

KEY = "fingerprint-key"


GATEWAY_PATH = "gateway_api_key/default/key"


def own_key_name(names: Names) -> str:
    """Where this machine keeps its copy of an environment's gateway key: each environment has its own."""
    return f"gateway_api_key/{names.scope.project}.{names.scope.environment}/key"


def first_gateway_key(here: Store, names: Names) -> Secret:
    """The key for an environment that has none: this machine's copy, the user's own, or 32 new random bytes."""
    known = here.get(own_key_name(names)) or here.get(GATEWAY_PATH)
    return known or Secret(secrets.token_urlsafe(32))


PUSHED = "credential/"  # the facts that keep the fingerprints of what was pushed


def local_values(project: Project, store: Store, elsewhere: Collection[str]) -> dict[str, Secret]:
    """`<type>/<instance>/<field>` -> value, of what this project needs, no more, and this machine has.

    What the environment has (`elsewhere`) need not be here: CI can push without holding every credential.
    Raises CredentialError naming every required field that is in neither place.
    """
    refs = resolve.project_credentials(project)
    return dict(resolve.resolve_all(refs, store, elsewhere=elsewhere))


def known(facts: Mapping[str, Any]) -> set[str]:
    """The paths of the values that the environment has."""
    return {key.removeprefix(PUSHED) for key in facts if key.startswith(PUSHED)}


def fingerprint_key(store: Store, names: Names) -> bytes | None:
    """The environment's fingerprint key, or None before the first push."""
    found = store.get(f"{names.secrets}{KEY}")
    return found.reveal().encode() if found else None


def make_fingerprint_key(store: Store, names: Names) -> bytes:
    """The same, made when there is none."""
    if (known := fingerprint_key(store, names)) is None:
        store.put(f"{names.secrets}{KEY}", Secret(secrets.token_hex(32)), tags=names.tags())
        known = fingerprint_key(store, names) or b""
    return known


def fingerprints(values: Mapping[str, Secret], key: bytes | None) -> dict[str, str]:
    """path -> HMAC of the value; without a key nothing can have been pushed, and every print differs from all."""
    if not key:
        return dict.fromkeys(values, "")
    return {path: _print(value, key) for path, value in values.items()}


def _print(value: Secret, key: bytes) -> str:
    return hmac.new(key, value.reveal().encode(), hashlib.sha256).hexdigest()


def items(prints: Mapping[str, str]) -> list[Item]:
    """Plan items: the fingerprint stands for the value."""
    return [
        Item(kind="credential value", name=path, attributes={"fingerprint": p})
        for path, p in prints.items()
    ]


def cloud_name(names: Names, path: str) -> str:
    kind, instance, field = path.split("/")
    return names.credential(CredentialRef(type=kind, instance=instance), field)
