"""What Google answers when it does not do what was asked: gRPC's code, the sentence, and the details that clients read.

https://cloud.google.com/apis/design/errors.  No service makes a status by hand.
"""

from typing import Any, NamedTuple

import grpc
from google.protobuf import any_pb2
from google.rpc import code_pb2, error_details_pb2, status_pb2


class Violation(NamedTuple):
    """A field of the request, and what is wrong with it (google.rpc.BadRequest)."""

    field: str
    description: str


class Refused(Exception):
    """`code` is the name of gRPC's code, `reason` and `domain` make an ErrorInfo."""

    def __init__(
        self,
        code: str,
        message: str,
        *,
        violations: tuple[Violation, ...] = (),
        reason: str = "",
        domain: str = "googleapis.com",
        metadata: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.code, self.message, self.violations = code, message, violations
        self.reason, self.domain, self.metadata = reason, domain, metadata or {}

    @property
    def grpc_code(self) -> grpc.StatusCode:
        return grpc.StatusCode[self.code]

    def status(self) -> status_pb2.Status:
        """google.rpc.Status, with its details."""
        number = code_pb2.Code.Value(self.code)
        return status_pb2.Status(code=number, message=self.message, details=self._details())

    def _details(self) -> list[any_pb2.Any]:
        found: list[Any] = []
        if self.violations:
            fields = [
                error_details_pb2.BadRequest.FieldViolation(
                    field=v.field, description=v.description
                )
                for v in self.violations
            ]
            found.append(error_details_pb2.BadRequest(field_violations=fields))
        if self.reason:
            info = {"reason": self.reason, "domain": self.domain, "metadata": self.metadata}
            found.append(error_details_pb2.ErrorInfo(**info))
        return [_packed(detail) for detail in found]


def invalid(field: str, description: str, *, message: str = "") -> Refused:
    """INVALID_ARGUMENT, with the field that is at fault."""
    return Refused(
        "INVALID_ARGUMENT",
        message or f"Invalid value at '{field}': {description}",
        violations=(Violation(field, description),),
    )


def not_found(what: str, *, message: str = "") -> Refused:
    return Refused("NOT_FOUND", message or f"Resource '{what}' was not found")


def already_exists(what: str, *, message: str = "") -> Refused:
    return Refused("ALREADY_EXISTS", message or f"Resource '{what}' already exists.")


def precondition(message: str) -> Refused:
    return Refused("FAILED_PRECONDITION", message)


def aborted(message: str) -> Refused:
    return Refused("ABORTED", message)


def denied(permission: str, resource: str) -> Refused:
    """PERMISSION_DENIED as IAM says it: without telling whether the resource exists."""
    return Refused(
        "PERMISSION_DENIED",
        f"Permission '{permission}' denied on resource '{resource}' (or it may not exist).",
        reason="IAM_PERMISSION_DENIED",
        domain="iam.googleapis.com",
        metadata={"permission": permission, "resource": resource},
    )


def exhausted(quota: str, service: str, limit: int) -> Refused:
    """RESOURCE_EXHAUSTED for a quota per minute (https://cloud.google.com/docs/quotas/troubleshoot)."""
    return Refused(
        "RESOURCE_EXHAUSTED",
        f"Quota exceeded for quota metric '{quota}' and limit '{quota} per minute' of service '{service}'.",
        reason="RATE_LIMIT_EXCEEDED",
        metadata={"service": service, "quota_limit_value": str(limit), "quota_metric": quota},
    )


def unauthenticated() -> Refused:
    return Refused(
        "UNAUTHENTICATED",
        "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid "
        "authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project.",
        reason="ACCESS_TOKEN_EXPIRED",
    )


def _packed(detail: Any) -> any_pb2.Any:
    packed = any_pb2.Any()
    packed.Pack(detail)
    return packed
