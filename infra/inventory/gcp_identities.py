"""Service accounts of every agent that there is or has been, and the gateway's; and the custom role that agents have.

What was granted to them goes first: it would stay in the project's policy as that of somebody who was deleted
(https://cloud.google.com/iam/docs/service-accounts-delete-undelete#deleting).
"""

from collections.abc import Iterator
from typing import Any

from infra.desired.gcp import PURPOSES
from infra.desired.gcp_marks import marked
from infra.reconcile import gcp_accounts, gcp_bindings, gcp_roles
from infra.reconcile.gcp_iam import Iam
from toolkit.core.names import GATEWAY
from toolkit.core.plan import Item

from .gcp_project import Project, short


class Accounts:
    kind = gcp_accounts.KIND

    def __init__(self, project: Project) -> None:
        self._project = project

    def observe(self) -> Iterator[Item]:
        google = self._project.google
        begins, gateway = google.accounts, google.service_account(GATEWAY)
        for account in self._iam.accounts():
            name, tags = account.email.partition("@")[0], marked(account.description)
            near = name.startswith(begins) or name == gateway
            if self._project.names.owns(tags) or near:
                yield Item(kind=self.kind, name=name, tags=tags)

    def remove(self, item: Item) -> None:
        iam = self._iam
        found = iam.account(item.name)
        if found is None:
            return
        self._project.refuse_foreign(item, marked(found.description))
        iam.policy.change(lambda policy: gcp_bindings.take_all(policy, found.email))
        gcp_accounts.remove(iam, self._project.names, item.name)
        self._project.until_gone(item, lambda: iam.account(item.name))

    @property
    def _iam(self) -> Iam:
        return Iam(self._project.clients, self._project.sleep)


class Roles:
    kind = gcp_roles.KIND

    def __init__(self, project: Project) -> None:
        self._project = project

    def observe(self) -> Iterator[Item]:
        for purpose in PURPOSES:
            found = self._living(self._project.google.role(purpose))
            if found is not None:
                yield Item(kind=self.kind, name=short(found.name), tags=marked(found.description))

    def remove(self, item: Item) -> None:
        """Google keeps it for 7 days, in which the next push brings it back, and its id for 37 more
        (https://cloud.google.com/iam/docs/creating-custom-roles#deleting-custom-role)."""
        iam, found = self._iam, self._living(item.name)
        if found is None:
            return
        self._project.refuse_foreign(item, marked(found.description))
        iam.policy.change(lambda policy: gcp_bindings.vacate(policy, found.name))
        gcp_roles.remove(iam, self._project.names, item.name)
        self._project.until_gone(item, lambda: self._living(item.name))

    @property
    def _iam(self) -> Iam:
        return Iam(self._project.clients, self._project.sleep)

    def _living(self, name: str) -> Any | None:
        found = self._iam.role(name)
        return None if found is None or found.deleted else found
