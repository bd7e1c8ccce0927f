"""Service accounts: made, found, changed, deleted and brought back.

https://cloud.google.com/iam/docs/service-accounts-create, https://cloud.google.com/iam/docs/service-accounts-delete-undelete
and https://cloud.google.com/iam/docs/reference/rest/v1/projects.serviceAccounts.
"""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from google.cloud import iam_admin_v1 as iam
from google.protobuf import empty_pb2

from . import policies
from .accounts import DOMAIN, Account, Accounts
from .pages import page
from .refusals import Refused, already_exists, denied, invalid, not_found, precondition
from .rpc import Call, Rpc, Service

SERVICE = "iam.googleapis.com"
LONGEST_PAGE = 100
RECOVERABLE = timedelta(days=30)
_ID = re.compile(r"[a-z][-a-z0-9]{4,28}[a-z0-9]")
_LARGEST = {"display_name": 100, "description": 256}  # bytes of UTF-8


class AccountAdmin(Service):
    """A name's project may be `-`, as in `projects/-/serviceAccounts/E-MAIL`."""

    def rpcs(self) -> Mapping[str, Rpc]:
        accounts = "iam.serviceAccounts"
        return {
            "CreateServiceAccount": Rpc(
                iam.CreateServiceAccountRequest, self.create, f"{accounts}.create"
            ),
            "GetServiceAccount": Rpc(iam.GetServiceAccountRequest, self.get, f"{accounts}.get"),
            "ListServiceAccounts": Rpc(
                iam.ListServiceAccountsRequest, self.list, f"{accounts}.list"
            ),
            "PatchServiceAccount": Rpc(
                iam.PatchServiceAccountRequest,
                self.patch,
                f"{accounts}.update",
                "service_account.name",
            ),
            "DeleteServiceAccount": Rpc(
                iam.DeleteServiceAccountRequest, self.delete, f"{accounts}.delete"
            ),
            "UndeleteServiceAccount": Rpc(
                iam.UndeleteServiceAccountRequest, self.undelete, f"{accounts}.undelete"
            ),
            "EnableServiceAccount": Rpc(
                iam.EnableServiceAccountRequest, self.enable, f"{accounts}.enable"
            ),
            "DisableServiceAccount": Rpc(
                iam.DisableServiceAccountRequest, self.disable, f"{accounts}.disable"
            ),
            **policies.rpcs(self.google, self._exists, accounts),
        }

    def create(self, asked: iam.CreateServiceAccountRequest, _: Call) -> iam.ServiceAccount:
        self._spend("write")
        if not _ID.fullmatch(asked.account_id):
            raise invalid(
                "account_id",
                "must be 6 to 30 characters: lowercase letters, digits and inner hyphens, a letter first",
            )
        email = f"{asked.account_id}@{self.google.project}.{DOMAIN}"
        self._check_room(email)
        account = Account(email=email, unique_id=self._unique_id())
        _describe(account, asked.service_account, ("display_name", "description"))
        account.unseen = self.google.settings.fresh_account_calls
        self._accounts.by_email[email] = account
        return self._shown(account)

    def get(self, asked: iam.GetServiceAccountRequest, _: Call) -> iam.ServiceAccount:
        self._spend("read")
        account = self._find(asked.name)
        self._refuse_unseen(account)
        return self._shown(account)

    def list(
        self, asked: iam.ListServiceAccountsRequest, _: Call
    ) -> iam.ListServiceAccountsResponse:
        self._spend("read")
        found = [a for a in self._accounts.by_email.values() if a.unseen <= 0]
        items, token = page(found, asked, LONGEST_PAGE, self.google.settings.page_items)
        shown = [self._shown(account) for account in items]
        return iam.ListServiceAccountsResponse(accounts=shown, next_page_token=token)

    def patch(self, asked: iam.PatchServiceAccountRequest, _: Call) -> iam.ServiceAccount:
        self._spend("write")
        account, paths = self._find(asked.service_account.name), tuple(asked.update_mask.paths)
        if not paths or not set(paths) <= set(_LARGEST):
            raise invalid("update_mask", f"{', '.join(paths) or 'nothing'} cannot be updated")
        _describe(account, asked.service_account, paths)
        return self._shown(account)

    def delete(self, asked: iam.DeleteServiceAccountRequest, _: Call) -> Any:
        """What was granted to it stays where it was granted, and means nothing any more."""
        self._spend("write")
        account = self._find(asked.name)
        del self._accounts.by_email[account.email]
        account.deleted = self.google.now()
        self._accounts.gone[account.unique_id] = account
        book = policies.PolicyBook(self.google)
        book.rename_member(*_members(account))
        book.forget(self.google.canonical(self._name(account)))
        return empty_pb2.Empty()

    def undelete(
        self, asked: iam.UndeleteServiceAccountRequest, _: Call
    ) -> iam.UndeleteServiceAccountResponse:
        """By its unique id, and within 30 days; a name that was given to another is lost."""
        self._spend("write")
        account = self._accounts.gone.get(asked.name.rpartition("/")[2])
        if account is None or self._lost(account):
            raise not_found(asked.name)
        if account.email in self._accounts.by_email:
            raise precondition(f"Service account {account.email} exists.")
        del self._accounts.gone[account.unique_id]
        account.deleted = None
        self._accounts.by_email[account.email] = account
        living, dead = _members(account)
        policies.PolicyBook(self.google).rename_member(dead, living)
        return iam.UndeleteServiceAccountResponse(restored_account=self._shown(account))

    def enable(self, asked: iam.EnableServiceAccountRequest, _: Call) -> Any:
        self._spend("write")
        self._find(asked.name).disabled = False
        return empty_pb2.Empty()

    def disable(self, asked: iam.DisableServiceAccountRequest, _: Call) -> Any:
        self._spend("write")
        self._find(asked.name).disabled = True
        return empty_pb2.Empty()

    # the rest

    @property
    def _accounts(self) -> Accounts:
        return self.google.of(Accounts)

    def _find(self, name: str) -> Account:
        """Raises Refused when there is none: NOT_FOUND, or PERMISSION_DENIED where the project was left open
        (https://cloud.google.com/iam/docs/reference/rest/v1/projects.serviceAccounts/get)."""
        account = self._accounts.find(self.google.canonical(name).rpartition("/")[2])
        if account is None and name.startswith("projects/-/"):
            raise denied("iam.serviceAccounts.get", name)
        if account is None:
            email = name.rpartition("/")[2]
            raise not_found(name, message=f"Service account {email} does not exist.")
        return account

    def _lost(self, account: Account) -> bool:
        return account.deleted is None or self.google.now() - account.deleted > RECOVERABLE

    def _refuse_unseen(self, account: Account) -> None:
        """Creation is eventually consistent: NOT_FOUND and PERMISSION_DENIED by turns."""
        if account.unseen <= 0:
            return
        account.unseen -= 1
        name = self._name(account)
        if account.unseen % 2:
            raise denied("iam.serviceAccounts.get", name)
        raise not_found(name, message=f"Service account {account.email} does not exist.")

    def _check_room(self, email: str) -> None:
        if email in self._accounts.by_email:
            words = f"Service account {email.partition('@')[0]} already exists within project projects/{self.google.project}."
            raise already_exists(email, message=words)
        most = self.google.settings.account_quota
        if 0 < most <= len(self._accounts.by_email):
            words = "Maximum number of service accounts on project reached."
            raise Refused("RESOURCE_EXHAUSTED", words, reason="RATE_LIMIT_EXCEEDED")

    def _unique_id(self) -> str:
        self._accounts.made += 1
        return f"1{self._accounts.made:020d}"

    def _exists(self, name: str) -> bool:
        return self._accounts.find(name.rpartition("/")[2]) is not None

    def _name(self, account: Account) -> str:
        return f"projects/{self.google.project}/serviceAccounts/{account.email}"

    def _shown(self, account: Account) -> iam.ServiceAccount:
        return iam.ServiceAccount(
            name=self._name(account),
            project_id=self.google.project,
            unique_id=account.unique_id,
            email=account.email,
            display_name=account.display_name,
            description=account.description,
            oauth2_client_id=account.unique_id,
            disabled=account.disabled,
        )

    def _spend(self, kind: str) -> None:
        limit: int = getattr(self.google.settings, f"iam_{kind}_quota")
        self.google.spend(f"{SERVICE}/{kind}_requests", SERVICE, limit)


def _describe(account: Account, wanted: iam.ServiceAccount, paths: tuple[str, ...]) -> None:
    for path in paths:
        text = getattr(wanted, path)
        if len(text.encode()) > _LARGEST[path]:
            raise invalid(f"service_account.{path}", f"at most {_LARGEST[path]} bytes")
        setattr(account, path, text)


def _members(account: Account) -> tuple[str, str]:
    """How policies name it while it lives, and when it does not."""
    living = f"serviceAccount:{account.email}"
    return living, f"deleted:{living}?uid={account.unique_id}"
