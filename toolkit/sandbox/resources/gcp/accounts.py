"""Service accounts, and who may act as them."""

from collections.abc import Iterable
from typing import Any

from infra.desired.gcp_marks import marked
from toolkit.clouds.gcp import translated
from toolkit.core.gcp_names import account_email
from toolkit.sandbox.resources import Inputs, Made

from . import Google, found, made
from .own_policies import PolicyMember

ACCOUNT = "gcp:serviceaccount/account:Account"


def _client(google: Google) -> Any:
    from google.cloud import iam_admin_v1

    return google.clients.client(iam_admin_v1.IAMClient)


class Account:
    def __init__(self, google: Google) -> None:
        self._google = google

    @staticmethod
    def ref(inputs: Inputs) -> str:
        return str(inputs["accountId"])

    def create(self, inputs: Inputs) -> Made | None:
        name = self.ref(inputs)
        request = {
            "name": self._google.project,
            "account_id": name,
            "service_account": _described(inputs),
        }
        answer = made(
            f"making the service account {name}",
            lambda: self._iam.create_service_account(request=request),
        )
        return (name, self._outputs(name)) if answer else None

    def update(self, inputs: Inputs) -> Made:
        name, described = self.ref(inputs), _described(inputs)
        with translated(f"changing the service account {name}"):
            self._iam.patch_service_account(
                request={
                    "service_account": {"name": self._name(name), **described},
                    "update_mask": {"paths": list(described)},
                }
            )
        return name, self._outputs(name)

    def delete(self, ref: str) -> None:
        found(
            f"deleting the service account {ref}",
            lambda: self._iam.delete_service_account(request={"name": self._name(ref)}),
        )

    def present(self, ids: Iterable[str]) -> set[str]:
        with translated("listing the service accounts"):
            listed = self._iam.list_service_accounts(request={"name": self._google.project})
            return set(ids) & {account.email.partition("@")[0] for account in listed}

    def tags(self, ref: str) -> dict[str, str] | None:
        account = found(
            f"looking at the service account {ref}",
            lambda: self._iam.get_service_account(request={"name": self._name(ref)}),
        )
        return marked(account.description) if account else None

    @property
    def _iam(self) -> Any:
        return _client(self._google)

    def _email(self, name: str) -> str:
        return account_email(name, self._google.clients.cloud.project)

    def _name(self, name: str) -> str:
        return f"{self._google.project}/serviceAccounts/{self._email(name)}"

    def _outputs(self, name: str) -> dict[str, Any]:
        return {"email": self._email(name), "name": self._name(name)}


class Actor(PolicyMember):
    """A member of an account's own policy."""

    whole, named, may = ACCOUNT, "serviceAccountId", "act as"

    def client(self) -> Any:
        return _client(self._google)

    def resource(self, name: str) -> str:
        return name


def _described(inputs: Inputs) -> dict[str, str]:
    return {"display_name": inputs["displayName"], "description": inputs["description"]}


WHOLES = {ACCOUNT: Account}
PARTS = {"gcp:serviceaccount/iAMMember:IAMMember": Actor}
