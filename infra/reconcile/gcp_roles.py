"""The custom role of an environment: seen as an item, made, brought up to date, removed.

A role that was deleted can be brought back for 7 days, and its id is taken for 37 days more
(https://cloud.google.com/iam/docs/creating-custom-roles#deleting-custom-role), so one that we find deleted is brought back.
A role whose description does not carry this environment's tags is looked at and never touched.
"""

from collections.abc import Collection
from typing import Any

from infra.desired.gcp_marks import mark, marked
from toolkit.clouds.gcp_errors import class_of
from toolkit.core.errors import AlError, AlreadyExists, Conflict, NotFound
from toolkit.core.names import Names
from toolkit.core.plan import Item

from . import gcp_bindings as bindings
from .gcp_iam import Iam

KIND = "custom_role"
GA = 2  # google.iam.admin.v1.Role.RoleLaunchStage


def whole(desired: Item) -> Item:
    """A desired role as `seen` would show it: nobody has it but our accounts."""
    attributes = {**desired.attributes, "strangers": []}
    return Item(kind=KIND, name=desired.name, attributes=attributes, tags=desired.tags)


def seen(found: Any, names: Names, policy: Any, emails: Collection[str]) -> Item | None:
    """None for one that was deleted; of a foreign one there is the name and nothing else.  `strangers` are members of it
    that are none of our accounts, `emails`."""
    name, tags = found.name.rpartition("/")[2], marked(found.description)
    if found.deleted:
        return None
    if not names.owns(tags):
        return Item(kind=KIND, name=name)
    attributes = {
        "title": found.title,
        "permissions": sorted(found.included_permissions),
        "strangers": bindings.strangers_of(policy, found.name, emails),
    }
    return Item(kind=KIND, name=name, attributes=attributes, tags=tags)


def create(iam: Iam, names: Names, wanted: Item) -> None:
    """Make the role, or bring it back.  Raises Conflict for one that is not ours, or that cannot come back yet."""
    if iam.role(wanted.name) is not None:
        update(iam, names, wanted)
        return
    try:
        iam.call(
            "create_role",
            wanted.name,
            parent=iam.clients.parent,
            role_id=wanted.name,
            role=_described(wanted),
        )
    except AlreadyExists:
        update(iam, names, wanted)
    except AlError as error:
        raise _explained(error, wanted.name) from error


def update(iam: Iam, names: Names, wanted: Item) -> None:
    """Write what differs from what is there now.  Raises Conflict."""
    found = iam.call("get_role", wanted.name, name=iam.role_name(wanted.name))
    _require_ours(names, found)
    if found.deleted:
        _undelete(iam, wanted.name)
    described = _described(wanted)
    present = {
        "title": found.title,
        "description": found.description,
        "included_permissions": sorted(found.included_permissions),
        "stage": int(found.stage),
    }
    differing = [field for field, value in described.items() if present[field] != value]
    if differing:
        iam.call(
            "update_role",
            wanted.name,
            name=iam.role_name(wanted.name),
            role=described,
            update_mask={"paths": differing},
        )


def check(iam: Iam, names: Names, name: str) -> None:
    """Raises Conflict when there is one that is not ours."""
    found = iam.role(name)
    if found is not None:
        _require_ours(names, found)


def remove(iam: Iam, names: Names, name: str) -> None:
    """Take the role away; bindings of it must be gone before.  One that is gone is fine.  Raises Conflict when it is not
    ours."""
    found = iam.role(name)
    if found is None or found.deleted:
        return
    _require_ours(names, found)
    try:
        iam.call("delete_role", name, name=iam.role_name(name))
    except NotFound:
        return


def _undelete(iam: Iam, name: str) -> None:
    try:
        iam.call("undelete_role", name, name=iam.role_name(name))
    except AlError as error:
        raise _explained(error, name) from error


def _explained(error: AlError, name: str) -> AlError:
    if class_of(error) != "FailedPrecondition":
        return error
    return Conflict(
        f"the custom role {name} was deleted more than 7 days ago, and Google keeps its id for 37 days more: {error.message}",
        hint="wait for that, or give the environment another name",
    )


def _described(wanted: Item) -> dict[str, Any]:
    return {
        "title": wanted.attributes["title"],
        "description": mark(wanted.tags),
        "included_permissions": sorted(wanted.attributes["permissions"]),
        "stage": GA,
    }


def _require_ours(names: Names, found: Any) -> None:
    if not names.owns(marked(found.description)):
        scope = names.scope
        raise Conflict(
            f"the custom role {found.name} is there, but not of {scope.project}/{scope.environment}",
            hint="remove it, or rename the project or the environment",
        )
