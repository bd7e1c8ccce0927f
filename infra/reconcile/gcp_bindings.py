"""A project's IAM policy, seen from our accounts and our role: who has what, and the edits that make it as wanted.

Pure, but that an edit changes the policy that it is given.  Nothing of anybody else's is touched: a binding may be shared,
so members are added and taken away, never bindings.
"""

import re
from collections.abc import Collection
from typing import Any

from infra.desired.gcp_grants import Grants, identities, named
from toolkit.clouds.gcp_policy import condition_of, grant, revoke

# how an account that was deleted stays in policies, with no rights, for up to 60 days
# (https://cloud.google.com/iam/docs/service-accounts-delete-undelete#deleting)
_DELETED = re.compile(r"deleted:serviceAccount:(?P<email>[^?]+)\?uid=\d+")


def member(email: str) -> str:
    return f"serviceAccount:{email}"


def grants_of(policy: Any, email: str) -> Grants:
    """Every role that the account has on the project."""
    having = [b for b in policy.bindings if member(email) in b.members]
    return named(sorted((b.role, *condition_of(b)) for b in having))


def deleted_of(policy: Any, email: str) -> list[str]:
    """Earlier accounts of this e-mail that were deleted and left bindings: `deleted:serviceAccount:...`."""
    return sorted({m for b in policy.bindings for m in b.members if _former(m) == email})


def strangers_of(policy: Any, role: str, emails: Collection[str]) -> list[str]:
    """Members that have our role and are none of our accounts, nor earlier ones of them, which are theirs to clean up."""
    having = {m for b in policy.bindings if b.role == role for m in b.members}
    return sorted(m for m in having if (_former(m) or m.partition(":")[2]) not in emails)


def give(policy: Any, email: str, wanted: Grants) -> None:
    """The account gets these grants and loses all others, as do earlier ones of its e-mail: first what takes rights away."""
    kept = identities(wanted)

    def surplus(binding: Any, who: str) -> bool:
        extra = (binding.role, *condition_of(binding)) not in kept
        return _former(who) == email or (who == member(email) and extra)

    revoke(policy, surplus)
    for role, title, expression in sorted(kept):
        grant(policy, member(email), role, title=title, expression=expression)


def take_all(policy: Any, email: str) -> None:
    """Nothing is left of the account, nor of earlier ones of its e-mail."""
    revoke(policy, lambda _, who: who == member(email) or _former(who) == email)


def expel(policy: Any, role: str, members: Collection[str]) -> None:
    """These members lose the role."""
    revoke(policy, lambda binding, who: binding.role == role and who in members)


def vacate(policy: Any, role: str) -> None:
    """Nobody has the role any more."""
    revoke(policy, lambda binding, _: binding.role == role)


def _former(who: str) -> str | None:
    """The e-mail of an account that was deleted."""
    match = _DELETED.fullmatch(who)
    return match["email"] if match else None
