"""Custom roles.  One that was deleted a while ago is brought back, as Pulumi's provider does."""

from collections.abc import Iterable
from typing import Any

from infra.desired.gcp_marks import marked
from toolkit.clouds.gcp import translated
from toolkit.sandbox.resources import Inputs, Made

from . import Google, found, short


class Role:
    def __init__(self, google: Google) -> None:
        self._google = google

    @staticmethod
    def ref(inputs: Inputs) -> str:
        return str(inputs["roleId"])

    def create(self, inputs: Inputs) -> Made | None:
        name = self.ref(inputs)
        present = self._look(name)
        if present is not None and not present.deleted:
            return None
        with translated(f"making the role {name}"):
            if present is not None:
                self._iam.undelete_role(request={"name": self._name(name)})
                return self.update(inputs)
            request = {"parent": self._google.project, "role_id": name, "role": _role(inputs)}
            self._iam.create_role(request=request)
        return name, {"name": self._name(name)}

    def update(self, inputs: Inputs) -> Made:
        name, role = self.ref(inputs), _role(inputs)
        with translated(f"changing the role {name}"):
            self._iam.update_role(
                request={
                    "name": self._name(name),
                    "role": role,
                    "update_mask": {"paths": list(role)},
                }
            )
        return name, {"name": self._name(name)}

    def delete(self, ref: str) -> None:
        found(
            f"deleting the role {ref}",
            lambda: self._iam.delete_role(request={"name": self._name(ref)}),
        )

    def present(self, ids: Iterable[str]) -> set[str]:
        with translated("listing the roles"):
            listed = self._iam.list_roles(request={"parent": self._google.project})
            return set(ids) & {short(role.name) for role in listed}

    def tags(self, ref: str) -> dict[str, str] | None:
        role = self._look(ref)
        return marked(role.description) if role and not role.deleted else None

    @property
    def _iam(self) -> Any:
        from google.cloud import iam_admin_v1

        return self._google.clients.client(iam_admin_v1.IAMClient)

    def _look(self, name: str) -> Any | None:
        return found(
            f"looking at the role {name}",
            lambda: self._iam.get_role(request={"name": self._name(name)}),
        )

    def _name(self, name: str) -> str:
        return f"{self._google.project}/roles/{name}"


def _role(inputs: Inputs) -> dict[str, Any]:
    return {
        "title": inputs["title"],
        "description": inputs["description"],
        "included_permissions": list(inputs["permissions"]),
        "stage": inputs["stage"],
    }


WHOLES = {"gcp:projects/iAMCustomRole:IAMCustomRole": Role}
PARTS: dict[str, type] = {}
