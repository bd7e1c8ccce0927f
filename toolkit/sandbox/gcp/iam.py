"""IAM's admin API: service accounts and custom roles.

https://cloud.google.com/iam/docs/reference/rpc/google.iam.admin.v1
"""

from collections.abc import Mapping

from .iam_accounts import AccountAdmin
from .iam_roles import RoleAdmin
from .rpc import Rpc, Service


class Iam(Service):
    """Two kinds of things behind one gRPC service."""

    def rpcs(self) -> Mapping[str, Rpc]:
        return {**AccountAdmin(self.google).rpcs(), **RoleAdmin(self.google).rpcs()}
