"""What Secret Manager refuses about a secret or a payload.

Limits: https://cloud.google.com/secret-manager/quotas; formats:
https://cloud.google.com/secret-manager/docs/reference/rest/v1/projects.secrets.
"""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from .crc32c import crc32c
from .labels import check_labels
from .refusals import invalid

LARGEST = 65_536  # bytes of a payload
SOONEST = timedelta(seconds=60)  # until an expiry
MOST_ALIASES = 50
LARGEST_ANNOTATIONS = 16 * 1024
DELAYS = timedelta(hours=24), timedelta(days=1000)  # version_destroy_ttl
_ID = re.compile(r"[A-Za-z0-9_-]{1,255}")
_ALIAS = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,62}")


def check_id(id_: str) -> None:
    if not _ID.fullmatch(id_):
        raise invalid(
            "secret_id",
            "must be 1 to 255 letters, numerals, hyphens and underscores",
            message="The provided Secret ID is invalid.",
        )


def check_secret(secret: Any, now: datetime) -> None:
    """Everything but its replication.  Raises Refused."""
    check_labels("secret.labels", secret.labels)
    _check_aliases(secret.version_aliases)
    size = sum(len(f"{key}{value}".encode()) for key, value in secret.annotations.items())
    if size > LARGEST_ANNOTATIONS:
        raise invalid("secret.annotations", f"more than {LARGEST_ANNOTATIONS} bytes")
    if secret.ttl is not None and secret.expire_time is not None and secret.ttl:
        raise invalid("secret.expiration", "only one of expire_time and ttl may be set")
    due = expiry(secret, now)
    if due is not None and due < now + SOONEST:
        raise invalid("secret.expiration", "must be at least 60 seconds in the future")
    delay = secret.version_destroy_ttl
    if delay and not DELAYS[0] <= delay <= DELAYS[1]:
        raise invalid("secret.version_destroy_ttl", "must be 24 hours to 1000 days")


def check_replication(secret: Any) -> None:
    if not type(secret).pb(secret).replication.WhichOneof("replication"):
        raise invalid("secret.replication", "Replication policy is required.")


def check_payload(payload: Any) -> None:
    """Raises Refused for one that is empty, too large, or that arrived damaged."""
    if not payload.data:
        raise invalid("payload.data", "Secret Payload cannot be empty.")
    if len(payload.data) > LARGEST:
        raise invalid("payload.data", f"The payload is larger than {LARGEST} bytes.")
    given = payload.data_crc32c if "data_crc32c" in payload else None
    if given is not None and given != crc32c(payload.data):
        raise invalid("payload.data_crc32c", "does not match the payload")


def expiry(secret: Any, now: datetime) -> datetime | None:
    """When the secret ends, by its ttl or its time."""
    due: datetime | None = now + secret.ttl if secret.ttl else secret.expire_time
    return due


def _check_aliases(aliases: Mapping[str, int]) -> None:
    if len(aliases) > MOST_ALIASES:
        raise invalid("secret.version_aliases", f"at most {MOST_ALIASES} aliases")
    for alias in aliases:
        if not _ALIAS.fullmatch(alias) or alias in {"latest", "NEW"}:
            raise invalid("secret.version_aliases", f"'{alias}' is not an alias")
