"""Who calls, and whether that one may: by its roles on the resource, on what it is in, and on the project.

https://cloud.google.com/iam/docs/policies.  No token is the operator's: of the user of this machine, who may everything.
Every question is recorded.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from infra.desired.gcp_conditions import holds
from infra.reconcile.policy import Need
from toolkit.sandbox.recording import OPERATOR as OPERATOR_NAME

from .refusals import denied, unauthenticated
from .rpc import OPERATOR, Caller

if TYPE_CHECKING:
    from .cloud import Google

OPERATORS_TOKEN = "sandbox"  # noqa: S105 - what toolkit/clouds/gcp.py says over HTTP; it opens nothing else


class Access:
    """The judge of one cloud."""

    def __init__(self, google: "Google") -> None:
        self._google = google

    def caller(self, authorization: str) -> Caller:
        """Who sends this Authorization header.  Raises Refused for a token that is nobody's, or that has expired."""
        token = authorization.removeprefix("Bearer ").strip()
        if token in {"", OPERATORS_TOKEN}:
            return OPERATOR
        email = self._google.tickets.bearer(token)
        if email is None or not self._active(email):
            raise unauthenticated()
        return Caller.account(email)

    def may(self, caller: Caller, permission: str, resource: str) -> bool:
        """Whether the caller has the permission.  Raises Refused for a resource that is not in this project."""
        verdict = self.holds(caller, permission, resource)
        need = Need(action=permission, resource=self._google.names.resource(resource).name)
        self._google.recording.add(caller.email or OPERATOR_NAME, need, allowed=verdict)
        return verdict

    def holds(self, caller: Caller, permission: str, resource: str) -> bool:
        """As `may`, without writing down that it was asked: for those who only test."""
        with self._google.lock:
            return caller.is_operator or self._granted(caller, permission, resource)

    def require(self, caller: Caller, permission: str, resource: str) -> None:
        """Raises Refused when the caller has not the permission."""
        if not self.may(caller, permission, resource):
            raise denied(permission, self._google.names.resource(resource).name)

    def _granted(self, caller: Caller, permission: str, resource: str) -> bool:
        from .custom_roles import permissions_of

        seen = self._google.names.resource(resource)
        return any(
            permission in permissions_of(self._google, binding.role)
            and holds(binding.condition.expression, seen)
            for binding in self._bindings(caller, resource)
        )

    def _bindings(self, caller: Caller, resource: str) -> Iterator[Any]:
        from .policies import PolicyBook

        book, members = PolicyBook(self._google), _members(caller)
        for name in self._google.names.lineage(resource):
            for binding in book.effective(name).bindings:
                if members & set(binding.members):
                    yield binding

    def _active(self, email: str) -> bool:
        from .accounts import Accounts

        account = self._google.of(Accounts).by_email.get(email)
        return account is not None and not account.disabled


def _members(caller: Caller) -> set[str]:
    """The members of policies that mean the caller (https://cloud.google.com/iam/docs/principal-identifiers)."""
    if not caller.email:
        return {"allUsers"}
    return {"allUsers", "allAuthenticatedUsers", f"serviceAccount:{caller.email}"}
