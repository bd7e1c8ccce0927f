"""Roles that the project defines, beside Google's own (roles.py): what each grants.

https://cloud.google.com/iam/docs/creating-custom-roles
"""

from collections.abc import Set
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from .roles import PREDEFINED

if TYPE_CHECKING:
    from .cloud import Google

NOTHING: frozenset[str] = frozenset()


@dataclass(slots=True, kw_only=True)
class CustomRole:
    """A role as it is; `stage` is the number of google.iam.admin.v1.Role.RoleLaunchStage."""

    name: str
    title: str = ""
    description: str = ""
    permissions: tuple[str, ...] = ()
    stage: int = 0
    etag: bytes = b""
    deleted: datetime | None = None


@dataclass(slots=True)
class CustomRoles:
    """By their names, with the project's id."""

    by_name: dict[str, CustomRole] = field(default_factory=dict)


def is_known(google: "Google", role: str) -> bool:
    """Whether a policy may name it; a deleted custom role may not be granted anew."""
    custom = _custom(google, role)
    return role in PREDEFINED or (custom is not None and custom.deleted is None)


def permissions_of(google: "Google", role: str) -> Set[str]:
    """What the role grants; a custom role that was deleted grants nothing."""
    if role in PREDEFINED:
        return PREDEFINED[role]
    custom = _custom(google, role)
    if custom is None or custom.deleted is not None:
        return NOTHING
    return frozenset(custom.permissions)


def _custom(google: "Google", role: str) -> CustomRole | None:
    by_name = google.of(CustomRoles).by_name
    head = f"projects/{google.number}/"
    return by_name.get(role.replace(head, f"projects/{google.project}/", 1))
