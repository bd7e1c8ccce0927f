"""The IAM policies of all resources, and the three RPCs of every resource that has one.

https://cloud.google.com/iam/docs/policies and https://cloud.google.com/iam/docs/reference/rest/v1/Policy: whole policies
are read and written, an etag tells of somebody else's write, and conditions are version 3's only.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from google.iam.v1 import iam_policy_pb2, policy_pb2

from .policy_checks import check
from .refusals import aborted, invalid, not_found
from .rpc import Call, Rpc

if TYPE_CHECKING:
    from .cloud import Google

CONDITIONAL = 3  # the version that has conditions
Exists = Callable[[str], bool]  # of a resource's canonical name


@dataclass(slots=True)
class _Kept:
    """Per canonical name: when a policy was set, and what it is since; the newest last."""

    history: dict[str, list[tuple[datetime, Any]]] = field(default_factory=dict)


class PolicyBook:
    """The policies of one cloud; a resource without one has an empty one.  Under the cloud's lock."""

    def __init__(self, google: "Google") -> None:
        self._google = google
        self._history = google.of(_Kept).history

    def get(self, name: str) -> Any:
        """The policy as it was last set."""
        known = self._history.get(name)
        return _copied(known[-1][1]) if known else _sealed(policy_pb2.Policy())

    def effective(self, name: str) -> Any:
        """The policy that calls are judged by: a change takes its time, if the settings say so
        (https://cloud.google.com/iam/docs/access-change-propagation)."""
        due = self._google.now() - timedelta(seconds=self._google.settings.policy_delay)
        known = [policy for when, policy in self._history.get(name, ()) if when <= due]
        return known[-1] if known else policy_pb2.Policy()

    def put(self, name: str, policy: Any) -> Any:
        """The policy as it is kept now, with its new etag."""
        sealed = _sealed(policy)
        self._history.setdefault(name, []).append((self._google.now(), sealed))
        return _copied(sealed)

    def forget(self, name: str) -> None:
        """The resource is no more, and what was in it."""
        for known in [n for n in self._history if n == name or n.startswith(f"{name}/")]:
            del self._history[known]

    def rename_member(self, old: str, new: str) -> None:
        """Everywhere and at once, as when an account is deleted or comes back."""
        for name, known in self._history.items():
            for _, policy in known:
                for binding in policy.bindings:
                    members = [new if member == old else member for member in binding.members]
                    binding.ClearField("members")
                    binding.members.extend(members)
            known[-1] = (known[-1][0], _sealed(known[-1][1]))
            self._history[name] = known


def rpcs(
    google: "Google", exists: Exists, permissions: str, *, empty_when_missing: bool = False
) -> Mapping[str, Rpc]:
    """GetIamPolicy, SetIamPolicy and TestIamPermissions of a kind of resource.

    `permissions` is what its permissions begin with, e.g. `secretmanager.secrets`.  TestIamPermissions of a resource that
    is not there is NOT_FOUND, or an empty set where Google says so.
    """

    def found(asked: Any) -> str:
        name = google.canonical(asked.resource)
        if not exists(name):
            raise not_found(asked.resource)
        return name

    def get(asked: Any, _: Call) -> Any:
        return _seen(PolicyBook(google).get(found(asked)), asked.options.requested_policy_version)

    def put(asked: Any, _: Call) -> Any:
        return _written(google, found(asked), asked)

    def test(asked: Any, call: Call) -> Any:
        if empty_when_missing and not exists(google.canonical(asked.resource)):
            return iam_policy_pb2.TestIamPermissionsResponse()
        found(asked)
        access = google.access
        held = [
            p
            for p in asked.permissions
            if access.holds(call.caller, _permission(p), asked.resource)
        ]
        return iam_policy_pb2.TestIamPermissionsResponse(permissions=held)

    getting, setting = f"{permissions}.getIamPolicy", f"{permissions}.setIamPolicy"
    return {
        "GetIamPolicy": Rpc(iam_policy_pb2.GetIamPolicyRequest, get, getting, on="resource"),
        "SetIamPolicy": Rpc(iam_policy_pb2.SetIamPolicyRequest, put, setting, on="resource"),
        "TestIamPermissions": Rpc(iam_policy_pb2.TestIamPermissionsRequest, test),
    }


def _permission(text: str) -> str:
    if "*" in text:
        raise invalid("permissions", f"wildcards are not allowed: {text}")
    return text


def _written(google: "Google", name: str, asked: Any) -> Any:
    """Raises Refused for a lost race, and for what a policy may not say."""
    book, policy = PolicyBook(google), asked.policy
    current = book.get(name)
    if policy.etag and policy.etag != current.etag:
        raise aborted(
            "There were concurrent policy changes. Please retry the whole read-modify-write with exponential backoff."
        )
    if policy.etag and policy.version < CONDITIONAL and _conditional(current):
        raise invalid(
            "policy.version",
            f"the policy has conditions, so it must be written with version {CONDITIONAL}",
        )
    check(google, policy)
    return book.put(name, policy)


def _seen(policy: Any, version: int) -> Any:
    """The policy for a reader of this version: below 3 its conditions are hidden in the names of the roles
    (https://cloud.google.com/iam/docs/troubleshoot-withcond)."""
    if version not in {0, 1, CONDITIONAL}:
        raise invalid("options.requested_policy_version", "must be 0, 1 or 3")
    if version < CONDITIONAL:
        for binding in policy.bindings:
            if binding.condition.expression:
                mark = hashlib.sha256(binding.condition.SerializeToString()).hexdigest()[:20]
                binding.role = f"{binding.role}_withcond_{mark}"
                binding.ClearField("condition")
        policy.version = min(policy.version, 1)
    return policy


def _conditional(policy: Any) -> bool:
    return any(binding.condition.expression for binding in policy.bindings)


def _sealed(policy: Any) -> Any:
    """A copy with the version that it needs and a new etag."""
    sealed = _copied(policy)
    sealed.version = CONDITIONAL if _conditional(policy) else 1 if policy.bindings else 0
    sealed.ClearField("etag")
    sealed.etag = hashlib.sha256(sealed.SerializeToString()).digest()[:8]
    return sealed


def _copied(policy: Any) -> Any:
    copy = policy_pb2.Policy()
    copy.CopyFrom(policy)
    return copy
