"""Who calls, and whether that one may: a role's session is held to the role's policies, any other key is an administrator.

Every call is recorded, the administrator's too (recording.py).  The boundaries of a role count; service control
policies and resource policies do not exist here.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from infra.reconcile.policy import Need, allowed, mentions

from .calls import Call, Refusal
from .cloud import Cloud
from .needs import needs
from .recording import OPERATOR, Recording
from .warm import KEY as WARM

_SESSION = "ASIA"  # how the key of a session begins (IAM user guide, reference_identifiers)
_FREE = frozenset({("sts", "GetCallerIdentity")})  # needs no permission (STS API reference)


class Access:
    """The judge of one cloud."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self.recording = Recording()

    def check(self, call: Call) -> None:
        """Raises Refusal when the caller is a session that may not do this."""
        session = self._session(call)
        if (call.service, call.operation) in _FREE or call.access_key == WARM:
            return
        for need in needs(call, self._cloud):
            if session is None:
                self.recording.add(OPERATOR, need)
            elif not self._judged(session.role_arn, need):
                raise _denied(call, session.arn, need)

    def check_service(self, key: str, service: str) -> bool:
        """Whether the key may touch a service at all, for calls that are not decoded."""
        if not key.startswith(_SESSION):
            self.recording.add(OPERATOR, Need(action=f"{service}:?"))
            return True
        with self._cloud.backend("sts") as backend:
            session = backend.get_assumed_role_from_access_key(key)
        return bool(session) and mentions(self._documents(session.role_arn)[0], service)

    def may(self, role_arn: str, need: Need) -> bool:
        """Whether the role's policies, within its boundary, allow it."""
        documents, boundary = self._documents(role_arn)
        return allowed(documents, need, boundary=boundary)

    def first_refused(self, role_arn: str, wanted: Iterable[Need]) -> str | None:
        """The sentence about the first need that the role has no permission for, or None."""
        for need in wanted:
            if not self._judged(role_arn, need):
                return _sentence(role_arn, need)
        return None

    def _judged(self, role_arn: str, need: Need) -> bool:
        verdict = self.may(role_arn, need)
        self.recording.add(role_arn.rpartition("/")[2], need, allowed=verdict)
        return verdict

    def _session(self, call: Call) -> Any | None:
        if not call.access_key.startswith(_SESSION):
            return None
        with self._cloud.backend("sts") as backend:
            session = backend.get_assumed_role_from_access_key(call.access_key)
        if session is None:
            raise Refusal(
                "UnrecognizedClientException",
                "The security token included in the request is invalid.",
                403,
            )
        if session.expiration < datetime.now(UTC).replace(tzinfo=None):
            raise Refusal(
                "ExpiredTokenException",
                "The security token included in the request is expired",
                403,
            )
        return session

    def _documents(self, role_arn: str) -> tuple[list[str], list[str]]:
        """(the role's policies, its boundary)."""
        with self._cloud.backend("iam") as backend:
            role = next((r for r in backend.roles.values() if r.arn == role_arn), None)
            if role is None:
                return [], []
            managed = [policy.document for policy in role.managed_policies.values()]
            edge = backend.managed_policies.get(role.permissions_boundary_arn)
            return [*role.policies.values(), *managed], [edge.document] if edge else []


def _denied(call: Call, caller: str, need: Need) -> Refusal:
    code = (
        "AccessDenied" if call.protocol in {"query", "ec2", "rest-xml"} else "AccessDeniedException"
    )
    return Refusal(code, _sentence(caller, need), 400 if call.protocol == "json" else 403)


def _sentence(caller: str, need: Need) -> str:
    return (
        f"User: {caller} is not authorized to perform: {need.action} on resource: {need.resource} because no "
        f"identity-based policy allows the {need.action} action"
    )
