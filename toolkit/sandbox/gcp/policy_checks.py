"""What a policy may not say: members, roles and conditions that Google refuses, and limits.

https://cloud.google.com/iam/quotas#limits, https://cloud.google.com/iam/docs/principal-identifiers,
https://cloud.google.com/iam/docs/conditions-overview.
"""

import re
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from infra.desired.gcp_conditions import Malformed, parsed

from .accounts import DOMAIN, Accounts
from .custom_roles import is_known
from .refusals import Refused, invalid
from .roles import BASIC

if TYPE_CHECKING:
    from .cloud import Google

MOST_PRINCIPALS, MOST_GROUPS = 1_500, 250
MOST_CONDITIONS = 20  # bindings of one role to one member that differ in their conditions
LARGEST = 64 * 1024
LONGEST_TITLE = 100
_EVERYBODY = frozenset({"allUsers", "allAuthenticatedUsers"})
_MEMBER = re.compile(
    r"(?:deleted:)?(?:user|group|serviceAccount):[^\s@]+@[^\s@?]+(?:\?uid=\d+)?"
    r"|domain:[\w.-]+|principal(?:Set)?://\S+|project(?:Owner|Editor|Viewer):\S+"
)


def check(google: "Google", policy: Any) -> None:
    """Raises Refused for the first thing that is not to be had."""
    if policy.version not in {0, 1, 3}:
        raise invalid("policy.version", "must be 0, 1 or 3")
    if policy.ByteSize() > LARGEST:
        raise invalid("policy", f"the policy has more than {LARGEST} bytes")
    for binding in policy.bindings:
        _check_role(google, binding.role)
        _check_condition(policy.version, binding)
        for member in binding.members:
            _check_member(google, member)
    _check_numbers(policy.bindings)


def _check_role(google: "Google", role: str) -> None:
    if "_withcond_" in role:
        raise invalid("policy.bindings.role", f"{role}: read the policy with version 3")
    if not is_known(google, role):
        words = (
            f"Role {role} is not supported for this resource."
            if role.startswith("roles/")
            else f"Role ({role}) does not exist in the resource's hierarchy."
        )
        raise invalid("policy.bindings.role", words, message=words)


def _check_member(google: "Google", member: str) -> None:
    if member in _EVERYBODY:
        return
    if not _MEMBER.fullmatch(member):
        words = f"Invalid principal: {member}"
        raise invalid("policy.bindings.members", words, message=words)
    kind, _, email = member.partition(":")
    if kind == "serviceAccount" and email.endswith(f"@{google.project}.{DOMAIN}"):
        _check_account(google, email)


def _check_account(google: "Google", email: str) -> None:
    """A fresh account is not seen by everybody yet
    (https://cloud.google.com/iam/docs/service-accounts-create#creating)."""
    account = google.of(Accounts).by_email.get(email)
    if account is None or account.unseen > 0:
        if account:
            account.unseen -= 1
        raise Refused("INVALID_ARGUMENT", f"Service account {email} does not exist.")


def _check_condition(version: int, binding: Any) -> None:
    condition, where = binding.condition, "policy.bindings.condition"
    if not binding.HasField("condition"):
        return
    if version != 3:
        raise invalid("policy.version", "a policy with conditions must have version 3")
    if binding.role in BASIC:
        raise invalid(where, f"conditions cannot be set on the basic role {binding.role}")
    if _EVERYBODY & set(binding.members):
        raise invalid(where, "conditions cannot be set for allUsers and allAuthenticatedUsers")
    if not 0 < len(condition.title) <= LONGEST_TITLE:
        raise invalid(f"{where}.title", f"must have 1 to {LONGEST_TITLE} characters")
    try:
        parsed(condition.expression)
    except Malformed as error:
        raise invalid(f"{where}.expression", str(error)) from error


def _check_numbers(bindings: Iterable[Any]) -> None:
    members = [member for binding in bindings for member in binding.members]
    groups = sum(member.startswith("group:") for member in members)
    if len(members) > MOST_PRINCIPALS or groups > MOST_GROUPS:
        words = f"a policy holds at most {MOST_PRINCIPALS} principals and {MOST_GROUPS} groups"
        raise invalid("policy.bindings", words)
    pairs = Counter((binding.role, member) for binding in bindings for member in binding.members)
    for (role, member), times in pairs.items():
        if times > MOST_CONDITIONS:
            words = f"{member} has {role} in more than {MOST_CONDITIONS} bindings"
            raise invalid("policy.bindings", words)
