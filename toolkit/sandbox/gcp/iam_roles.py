"""Custom roles of the project, and Google's own to look at.

https://cloud.google.com/iam/docs/creating-custom-roles and
https://cloud.google.com/iam/docs/reference/rest/v1/projects.roles.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import fields
from datetime import timedelta

from google.cloud import iam_admin_v1 as iam

from .custom_roles import CustomRole, CustomRoles
from .pages import page
from .refusals import Refused, aborted, already_exists, invalid, not_found, precondition
from .roles import KNOWN, PREDEFINED
from .rpc import Call, Rpc, Service

SERVICE = "iam.googleapis.com"
LONGEST_PAGE = 1_000
MOST_ROLES, MOST_PERMISSIONS = 300, 3_000  # https://cloud.google.com/iam/quotas#limits
LARGEST = 64 * 1024  # title, description and permissions together
LONGEST_TITLE, LONGEST_DESCRIPTION = 100, 300
RECOVERABLE = timedelta(days=7)
TAKEN = timedelta(days=44)  # 7 days to come back, 30 to be deleted for good, and 7 more
_ID = re.compile(r"[a-zA-Z0-9_.]{3,64}")
_MUTABLE = {
    "title": "title",
    "description": "description",
    "included_permissions": "permissions",
    "stage": "stage",
}


class RoleAdmin(Service):
    """Of a project; roles of organisations are not here."""

    def rpcs(self) -> Mapping[str, Rpc]:
        return {
            "CreateRole": Rpc(iam.CreateRoleRequest, self.create, "iam.roles.create", "parent"),
            "GetRole": Rpc(iam.GetRoleRequest, self.get),
            "ListRoles": Rpc(iam.ListRolesRequest, self.list),
            "UpdateRole": Rpc(iam.UpdateRoleRequest, self.update, "iam.roles.update"),
            "DeleteRole": Rpc(iam.DeleteRoleRequest, self.delete, "iam.roles.delete"),
            "UndeleteRole": Rpc(iam.UndeleteRoleRequest, self.undelete, "iam.roles.undelete"),
            "QueryTestablePermissions": Rpc(iam.QueryTestablePermissionsRequest, self.testable),
        }

    def create(self, asked: iam.CreateRoleRequest, _: Call) -> iam.Role:
        self._spend("write")
        if not _ID.fullmatch(asked.role_id):
            raise invalid("role_id", "must be 3 to 64 letters, digits, periods and underscores")
        name = f"{self.google.by_id(asked.parent)}/roles/{asked.role_id}"
        self._check_free(name)
        role = CustomRole(name=name)
        self._change(role, asked.role, tuple(_MUTABLE))
        self._roles.by_name[name] = role
        return _shown(role)

    def get(self, asked: iam.GetRoleRequest, call: Call) -> iam.Role:
        self._spend("read")
        if asked.name in PREDEFINED:
            return _predefined(asked.name)
        call.require("iam.roles.get", asked.name)
        return _shown(self._find(asked.name))

    def list(self, asked: iam.ListRolesRequest, call: Call) -> iam.ListRolesResponse:
        self._spend("read")
        if asked.parent:
            call.require("iam.roles.list", asked.parent)
            own = self._roles.by_name.values()
            found = [_shown(role) for role in own if asked.show_deleted or role.deleted is None]
        else:
            found = [_predefined(name) for name in sorted(PREDEFINED)]
        items, token = page(found, asked, LONGEST_PAGE, self.google.settings.page_items)
        if asked.view != iam.RoleView.FULL:
            for role in items:
                role.included_permissions = []
        return iam.ListRolesResponse(roles=items, next_page_token=token)

    def update(self, asked: iam.UpdateRoleRequest, _: Call) -> iam.Role:
        self._spend("write")
        role = self._find(asked.name)
        _match(asked.role.etag, role)
        paths = tuple(asked.update_mask.paths) or tuple(_MUTABLE)
        if not set(paths) <= set(_MUTABLE):
            raise invalid("update_mask", f"{', '.join(paths)} cannot be updated")
        if role.deleted is not None:
            raise precondition(f"Role {role.name} is deleted.")
        self._change(role, asked.role, paths)
        return _shown(role)

    def delete(self, asked: iam.DeleteRoleRequest, _: Call) -> iam.Role:
        """It grants nothing at once, and can come back for 7 days."""
        self._spend("write")
        role = self._find(asked.name)
        _match(asked.etag, role)
        if role.deleted is None:
            role.deleted = self.google.now()
            _seal(role)
        return _shown(role)

    def undelete(self, asked: iam.UndeleteRoleRequest, _: Call) -> iam.Role:
        self._spend("write")
        role = self._find(asked.name)
        _match(asked.etag, role)
        if role.deleted is None or self.google.now() - role.deleted > RECOVERABLE:
            raise precondition(f"Role {role.name} cannot be undeleted.")
        role.deleted = None
        _seal(role)
        return _shown(role)

    def testable(
        self, asked: iam.QueryTestablePermissionsRequest, _: Call
    ) -> iam.QueryTestablePermissionsResponse:
        self._spend("read")
        found = [iam.Permission(name=name) for name in sorted(KNOWN)]
        items, token = page(found, asked, LONGEST_PAGE, self.google.settings.page_items)
        return iam.QueryTestablePermissionsResponse(permissions=items, next_page_token=token)

    # the rest

    @property
    def _roles(self) -> CustomRoles:
        return self.google.of(CustomRoles)

    def _find(self, name: str) -> CustomRole:
        role = self._roles.by_name.get(self.google.by_id(name))
        if role is None or self._forgotten(role):
            raise not_found(name, message=f"The role named {name} was not found.")
        return role

    def _forgotten(self, role: CustomRole) -> bool:
        return role.deleted is not None and self.google.now() - role.deleted > TAKEN

    def _check_free(self, name: str) -> None:
        known = self._roles.by_name.get(name)
        if known is not None and known.deleted is None:
            words = f"A role named {name.rpartition('/')[2]} in projects/{self.google.project} already exists."
            raise already_exists(name, message=words)
        if known is not None and not self._forgotten(known):
            raise precondition(
                f"You can't create a role with role_id ({name.rpartition('/')[2]}) where there is an existing role with "
                "that role_id in a deleted state."
            )
        living = sum(role.deleted is None for role in self._roles.by_name.values())
        if living >= MOST_ROLES:
            raise Refused(
                "RESOURCE_EXHAUSTED", "Maximum number of custom roles on project reached."
            )

    def _change(self, role: CustomRole, wanted: iam.Role, paths: tuple[str, ...]) -> None:
        """The role's fields that `paths` name, all of them or none."""
        values = {
            "title": wanted.title,
            "description": wanted.description,
            "permissions": tuple(sorted(set(wanted.included_permissions))),
            "stage": int(wanted.stage),
        }
        changed = CustomRole(**{f.name: getattr(role, f.name) for f in fields(role)})
        for path in paths:
            setattr(changed, _MUTABLE[path], values[_MUTABLE[path]])
        _check(changed)
        for path in paths:
            setattr(role, _MUTABLE[path], getattr(changed, _MUTABLE[path]))
        _seal(role)

    def _spend(self, kind: str) -> None:
        limit: int = getattr(self.google.settings, f"iam_{kind}_quota")
        self.google.spend(f"{SERVICE}/{kind}_requests", SERVICE, limit)


def _check(role: CustomRole) -> None:
    if len(role.title.encode()) > LONGEST_TITLE:
        raise invalid("role.title", f"at most {LONGEST_TITLE} bytes")
    if len(role.description.encode()) > LONGEST_DESCRIPTION:
        raise invalid("role.description", f"at most {LONGEST_DESCRIPTION} bytes")
    if len(role.permissions) > MOST_PERMISSIONS:
        raise invalid("role.included_permissions", f"at most {MOST_PERMISSIONS} permissions")
    size = len("".join((role.title, role.description, *role.permissions)).encode())
    if size > LARGEST:
        raise invalid("role", f"more than {LARGEST} bytes")
    for permission in role.permissions:
        if permission not in KNOWN:
            words = f"Permission {permission} is not valid."
            raise invalid("role.included_permissions", words, message=words)


def _match(etag: bytes, role: CustomRole) -> None:
    if etag and etag != role.etag:
        raise aborted(
            "There were concurrent role changes. Please retry the whole read-modify-write."
        )


def _seal(role: CustomRole) -> None:
    """A new etag."""
    role.etag = hashlib.sha256(role.etag + repr(role).encode()).digest()[:8]


def _shown(role: CustomRole) -> iam.Role:
    return iam.Role(
        name=role.name,
        title=role.title,
        description=role.description,
        included_permissions=role.permissions,
        stage=role.stage,
        etag=role.etag,
        deleted=role.deleted is not None,
    )


def _predefined(name: str) -> iam.Role:
    return iam.Role(name=name, included_permissions=sorted(PREDEFINED[name]), stage=2)
