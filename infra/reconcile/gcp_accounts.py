"""One service account of ours: seen as an item, made, brought up to date, removed.

Its grants stand in the project's policy, which is written once for all accounts (gcp.py).  An account whose description
does not carry this environment's tags is looked at and never touched.
"""

from typing import Any

from infra.desired.gcp_marks import mark, marked
from toolkit.core.errors import AlreadyExists, Conflict, NotFound
from toolkit.core.names import Names
from toolkit.core.plan import Item

from . import gcp_bindings as bindings
from .gcp_iam import Iam

KIND = "service_account"


def whole(desired: Item) -> Item:
    """A desired account as `seen` would show it: with every attribute that we own."""
    attributes = {
        "display_name": desired.attributes["display_name"],
        "disabled": False,
        "grants": dict(desired.attributes["grants"]),
        "deleted": [],
    }
    return Item(kind=KIND, name=desired.name, attributes=attributes, tags=desired.tags)


def seen(found: Any, names: Names, policy: Any) -> Item:
    """Of a foreign one there is the name and nothing else.  `deleted` are the bindings that earlier accounts of this
    e-mail have left: they mean nothing, and look as if they did."""
    name, tags = found.email.partition("@")[0], marked(found.description)
    if not names.owns(tags):
        return Item(kind=KIND, name=name)
    attributes = {
        "display_name": found.display_name,
        "disabled": bool(found.disabled),
        "grants": bindings.grants_of(policy, found.email),
        "deleted": bindings.deleted_of(policy, found.email),
    }
    return Item(kind=KIND, name=name, attributes=attributes, tags=tags)


def create(iam: Iam, names: Names, wanted: Item) -> None:
    """Make the account, and wait until it is seen.  One that has come meanwhile is brought up to date; raises Conflict
    when it is not ours."""
    try:
        iam.call(
            "create_service_account",
            wanted.name,
            name=iam.clients.parent,
            account_id=wanted.name,
            service_account=_described(wanted),
        )
    except AlreadyExists:
        update(iam, names, wanted)
        return
    iam.settle(wanted.name)


def update(iam: Iam, names: Names, wanted: Item) -> None:
    """Write what differs from what is there now.  Raises Conflict, also when another account has come in its place."""
    found = _present(iam, names, wanted.name)
    described = _described(wanted)
    differing = [field for field, value in described.items() if getattr(found, field) != value]
    if differing:
        iam.call(
            "patch_service_account",
            wanted.name,
            service_account={"name": iam.account_name(wanted.name), **described},
            update_mask={"paths": differing},
        )
    if found.disabled:
        iam.call("enable_service_account", wanted.name, name=iam.account_name(wanted.name))


def check(iam: Iam, names: Names, name: str) -> None:
    """Raises Conflict when there is one that is not ours."""
    found = iam.account(name)
    if found is not None:
        _require_ours(names, found)


def remove(iam: Iam, names: Names, name: str) -> None:
    """Take the account away; its grants must be gone before, or they would stay as those of a deleted one
    (https://cloud.google.com/iam/docs/service-accounts-delete-undelete#deleting).

    One that is gone is fine.  Raises Conflict when it is not ours.
    """
    check(iam, names, name)
    try:
        iam.call("delete_service_account", name, name=iam.account_name(name))
    except NotFound:
        return


def _present(iam: Iam, names: Names, name: str) -> Any:
    found = iam.call("get_service_account", name, name=iam.account_name(name))
    _require_ours(names, found)
    return found


def _described(wanted: Item) -> dict[str, str]:
    return {
        "display_name": wanted.attributes["display_name"],
        "description": mark(wanted.tags),
    }


def _require_ours(names: Names, found: Any) -> None:
    if not names.owns(marked(found.description)):
        scope = names.scope
        raise Conflict(
            f"the service account {found.email} is there, but not of {scope.project}/{scope.environment}",
            hint="remove it, or rename the project, the environment or the agent",
        )
