"""Credential values on their way into an environment: what differs, and writing exactly that.

Values are compared by fingerprint: an HMAC under a key that lives in the environment's own secret store, so
neither the ledger nor a plan holds anything from which a value could be guessed.
"""

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from typing import Any

from toolkit.core.agent import CredentialRef, Project
from toolkit.core.names import Names
from toolkit.core.plan import Item
from toolkit.core.ports import Store
from toolkit.core.secrets import Secret
from toolkit.credentials import resolve
from toolkit.credentials.resolve import GATEWAY_KEY

KEY = "fingerprint-key"


def ensure_gateway_key(here: Store, there: Store, names: Names, *, deployed: bool) -> None:
    """See to it that this machine has the gateway's API key: the deployed one, or a new one where there is none.

    32 random bytes, base64url.  Taking over the deployed one is what lets a second laptop push without locking
    the first one out.
    """
    name = "gateway_api_key/default/key"
    if here.get(name) is not None:
        return
    known = there.get(names.credential(GATEWAY_KEY, "key")) if deployed else None
    here.put(name, known or Secret(secrets.token_urlsafe(32)), tags={})


PUSHED = "credential/"  # the facts that keep the fingerprints of what was pushed


def local_values(project: Project, store: Store, facts: Mapping[str, Any]) -> dict[str, Secret]:
    """`<type>/<instance>/<field>` -> value, of what this project needs, no more, and this machine has.

    What an earlier push put into the environment need not be here: CI can push without holding every credential.
    Raises CredentialError naming every required field that is in neither place.
    """
    refs = resolve.project_credentials(project)
    return dict(resolve.resolve_all(refs, store, elsewhere=known(facts)))


def known(facts: Mapping[str, Any]) -> set[str]:
    """The paths of the values that the environment has."""
    return {key.removeprefix(PUSHED) for key in facts if key.startswith(PUSHED)}


def fingerprint_key(store: Store, names: Names) -> bytes:
    """The environment's fingerprint key, made at the first push."""
    name = f"{names.secrets}{KEY}"
    if (found := store.get(name)) is None:
        found = Secret(secrets.token_hex(32))
        store.put(name, found, tags=names.tags())
    return found.reveal().encode()


def fingerprints(values: Mapping[str, Secret], key: bytes) -> dict[str, str]:
    return {
        path: hmac.new(key, value.reveal().encode(), hashlib.sha256).hexdigest()
        for path, value in values.items()
    }


def items(prints: Mapping[str, str]) -> list[Item]:
    """Plan items: the fingerprint stands for the value."""
    return [
        Item(kind="credential value", name=path, attributes={"fingerprint": p})
        for path, p in prints.items()
    ]


def cloud_name(names: Names, path: str) -> str:
    kind, instance, field = path.split("/")
    return names.credential(CredentialRef(type=kind, instance=instance), field)
