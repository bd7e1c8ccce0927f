"""A project's IAM policy: read whole, changed whole, and written only as it was read.

Every write is a race with everybody else in the project, and one without the version that knows conditions would take
all conditions away (https://cloud.google.com/iam/docs/conditions-overview#policy-versions).  So nobody else in `al`
writes one.
"""

import re
import time
from collections.abc import Callable
from typing import Any, TypeVar

from toolkit.core.errors import AlError
from toolkit.core.retry import retrying

from .gcp import GcpClients
from .gcp_errors import class_of, translated

VERSION = 3  # the one that has conditions
# An account that was made a moment ago may be unknown to the policy's service for a minute and more
# (https://cloud.google.com/iam/docs/service-accounts-create#creating)
PATIENCE = 180.0  # seconds
_UNKNOWN_YET = re.compile(r"[Ss]ervice account .* does not exist")

T = TypeVar("T")
Edit = Callable[
    [Any], None
]  # changes a google.iam.v1.Policy in place; may be called again, with a newer one


class ProjectPolicy:
    """Of the one project of `clients`."""

    def __init__(
        self,
        clients: GcpClients,
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clients = clients
        self._sleep, self._clock = sleep, clock

    def read(self) -> Any:
        """A google.iam.v1.Policy with its conditions."""
        return self._patiently(self._read)

    def change(self, edit: Edit) -> bool:
        """Make the edit; whether there was anything to write.  Done over when somebody else wrote meanwhile, and as long
        as a fresh account is not known yet."""
        return self._patiently(lambda: self._changed(edit))

    def _read(self) -> Any:
        wanted = {"requested_policy_version": VERSION}
        with translated(f"reading the IAM policy of {self._clients.cloud.project}"):
            return self._client.get_iam_policy(
                request={"resource": self._clients.parent, "options": wanted}
            )

    def _changed(self, edit: Edit) -> bool:
        policy = self._read()
        before = policy.SerializeToString(deterministic=True)
        edit(policy)
        if policy.SerializeToString(deterministic=True) == before:
            return False
        policy.version = VERSION
        with translated(f"changing the IAM policy of {self._clients.cloud.project}"):
            self._client.set_iam_policy(
                request={"resource": self._clients.parent, "policy": policy}
            )
        return True

    @property
    def _client(self) -> Any:
        from google.cloud import resourcemanager_v3

        return self._clients.client(resourcemanager_v3.ProjectsClient)

    def _patiently(self, call: Callable[[], T]) -> T:
        return retrying(call, seconds=PATIENCE, retry=passes, sleep=self._sleep, clock=self._clock)


def grant(policy: Any, member: str, role: str, *, title: str = "", expression: str = "") -> None:
    """Add the member to the binding of this role and condition; nothing happens when it is there."""
    for binding in policy.bindings:
        if binding.role == role and condition_of(binding) == (title, expression):
            if member not in binding.members:
                binding.members.append(member)
            return
    fresh = policy.bindings.add(role=role, members=[member])
    if expression:
        fresh.condition.title, fresh.condition.expression = title, expression


def revoke(policy: Any, chosen: Callable[[Any, str], bool]) -> None:
    """Take away the members that are chosen, by binding and member, and bindings that nobody is left in."""
    for binding in policy.bindings:
        kept = [member for member in binding.members if not chosen(binding, member)]
        if len(kept) < len(binding.members):
            del binding.members[:]
            binding.members.extend(kept)
    left = [binding for binding in policy.bindings if binding.members]
    if len(left) < len(policy.bindings):
        kept_bindings = [type(binding).FromString(binding.SerializeToString()) for binding in left]
        del policy.bindings[:]
        policy.bindings.extend(kept_bindings)


def condition_of(binding: Any) -> tuple[str, str]:
    """Title and expression; two empty texts without a condition."""
    return str(binding.condition.title), str(binding.condition.expression)


def passes(error: AlError) -> bool:
    """Whether a change of a policy that was refused so may be made a moment later."""
    lost_race = class_of(error) == "Aborted"
    too_fresh = class_of(error) == "InvalidArgument" and _UNKNOWN_YET.search(error.message)
    return error.temporary or lost_race or bool(too_fresh)
