"""What a service is: a table of its RPCs, and the call that a handler gets with its request.

It must not know any service, nor the network.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .cloud import Google


class Kind(Enum):
    """How many messages come and go."""

    UNARY = "one request, one answer"
    ANSWERS = "one request, a stream of answers"
    STREAM = "a stream of requests, a stream of answers"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: a service account by its e-mail; None is the operator, who may do everything, "" somebody unknown."""

    email: str | None = None

    @classmethod
    def account(cls, email: str) -> "Caller":
        return cls(email)

    @property
    def is_operator(self) -> bool:
        return self.email is None


OPERATOR, ANONYMOUS = Caller(), Caller("")


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call.  `context` is gRPC's, None when it came over HTTP; streams need it to learn that nobody listens."""

    google: "Google"
    caller: Caller
    method: str  # as in /google.cloud.run.v2.Jobs/RunJob, without the first slash
    metadata: Mapping[str, str] = field(default_factory=dict)
    context: Any = None

    def may(self, permission: str, resource: str) -> bool:
        """Whether the caller has the permission on the resource, or on what it is in."""
        return self.google.access.may(self.caller, permission, resource)

    def require(self, permission: str, resource: str) -> None:
        """Raises Refused (PERMISSION_DENIED) when the caller has not."""
        self.google.access.require(self.caller, permission, resource)


Handler = Callable[[Any, Call], Any]


@dataclass(frozen=True, slots=True)
class Rpc:
    """`request` is the message's class, of proto-plus or protobuf.  A STREAM's handler gets an iterator of them."""

    request: Any
    handler: Handler
    permission: str = ""  # "" is free, or asked for by the handler
    on: str = "name"  # the field of the request that names the resource
    kind: Kind = Kind.UNARY
    waits: bool = False  # the handler may wait, and takes the cloud's lock itself

    def resource(self, asked: Any) -> str:
        """The resource that the permission is needed on."""
        found = asked
        for part in self.on.split("."):
            found = getattr(found, part)
        return str(found)


class Service:
    """Base of all services."""

    def __init__(self, google: "Google") -> None:
        self.google = google

    def rpcs(self) -> Mapping[str, Rpc]:
        """By the name of the RPC."""
        raise LookupError(f"{type(self).__name__} has no table of RPCs")

    @property
    def busy(self) -> bool:
        """Whether something is running that keeps the sandbox alive."""
        return False

    def close(self) -> None:
        """End what was started."""
