"""Google's IAM: service accounts and custom roles, asked patiently in this one place.

Creation is eventually consistent: an account that was just made may be unknown, or forbidden to be seen, for a minute
(https://cloud.google.com/iam/docs/service-accounts-create#creating).  The project allows 600 writes and 6,000 reads a
minute (https://cloud.google.com/iam/quotas), so few calls go side by side and a refusal for speed is waited out.
"""

import time
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from toolkit.clouds.gcp import GcpClients
from toolkit.clouds.gcp_errors import class_of, translated
from toolkit.clouds.gcp_policy import ProjectPolicy
from toolkit.core import parallel
from toolkit.core.errors import AccessDenied, AlError, NotFound
from toolkit.core.gcp_names import account_email, account_project
from toolkit.core.retry import retrying

T = TypeVar("T")
R = TypeVar("R")

AT_ONCE = 4
PATIENCE = 120.0  # seconds
PAGE = 100
GOOD_READS = 3  # in a row, until a new account is believed to be there everywhere


class Iam:
    """One project's.  Every method raises our errors."""

    def __init__(
        self,
        clients: GcpClients,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.clients = clients
        self.sleep, self.clock = sleep, clock
        self.policy = ProjectPolicy(clients, sleep=sleep, clock=clock)

    def email(self, account: str) -> str:
        return account_email(account, self.clients.cloud.project)

    def account_name(self, account: str) -> str:
        return self.of_email(self.email(account))

    def of_email(self, email: str) -> str:
        """The account's full name with its project: one with `-` for it would hide what is absent behind a refusal
        (https://cloud.google.com/iam/docs/reference/rest/v1/projects.serviceAccounts/get)."""
        project = account_project(email) or self.clients.cloud.project
        return f"projects/{project}/serviceAccounts/{email}"

    def role_name(self, role: str) -> str:
        return f"{self.clients.parent}/roles/{role}"

    def call(self, operation: str, about: str, **request: Any) -> Any:
        """`call("get_role", "the role x", name=...)`."""

        def once() -> Any:
            with translated(f"IAM {operation.replace('_', ' ')}, {about}"):
                return getattr(self._client, operation)(request=request)

        return self.patiently(once)

    def accounts(self) -> list[Any]:
        """All accounts of the project."""

        def listed() -> list[Any]:
            with translated(f"listing the service accounts of {self.clients.cloud.project}"):
                request = {"name": self.clients.parent, "page_size": PAGE}
                return list(self._client.list_service_accounts(request=request))

        return self.patiently(listed)

    def account(self, account: str) -> Any | None:
        """None when there is none."""
        try:
            return self.call("get_service_account", account, name=self.account_name(account))
        except NotFound:
            return None

    def role(self, role: str) -> Any | None:
        """None when there is none; one that was deleted says so in its field `deleted`."""
        try:
            return self.call("get_role", role, name=self.role_name(role))
        except NotFound:
            return None

    def settle(self, account: str) -> None:
        """Wait until a new account is seen, several times in a row."""
        good = 0

        def seen() -> None:
            nonlocal good
            try:
                with translated(f"waiting for the service account {account}"):
                    self._client.get_service_account(request={"name": self.account_name(account)})
            except (NotFound, AccessDenied):
                good = 0
                raise
            good += 1

        while good < GOOD_READS:
            retrying(
                seen,
                seconds=PATIENCE,
                retry=lambda e: e.temporary or isinstance(e, NotFound | AccessDenied),
                sleep=self.sleep,
                clock=self.clock,
            )

    def patiently(self, call: Callable[[], T]) -> T:
        return retrying(call, seconds=PATIENCE, retry=_passes, sleep=self.sleep, clock=self.clock)

    @property
    def _client(self) -> Any:
        from google.cloud import iam_admin_v1

        return self.clients.client(iam_admin_v1.IAMClient)


def at_once(do: Callable[[T], R], things: Iterable[T]) -> list[R]:
    """Do it to all, a few at a time; after the first failure nothing further begins.  Raises that failure."""
    return parallel.at_once(do, things, most=AT_ONCE)


def _passes(error: AlError) -> bool:
    return error.temporary or class_of(error) == "Aborted"
