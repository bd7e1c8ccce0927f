"""Roles as they are in the account, in the one form of GetAccountAuthorizationDetails.  Reads only.

One paged call tells trust, policies, attachments, boundary and tags of all roles.  It costs as many calls as the
account has pages of roles (1,000 by default, 5,000 at most), where asking role by role costs four for each of ours.
It can be allowed for the whole account only, so whoever may not make it is served role by role.
"""

from collections.abc import Callable, Mapping
from typing import Any

from toolkit.core.errors import AccessDenied, NotFound

from .iam import Iam, at_once

Detail = Mapping[str, Any]  # RoleDetail of IAM's API reference
Chosen = Callable[[str], bool]  # by the role's name
Owned = Callable[[Detail], bool]


def details(iam: Iam, chosen: Chosen, owned: Owned) -> list[Detail]:
    """Every role of the account that is chosen or owned, whole.  Of a foreign one there may be no more than its tags."""
    try:
        everything = iam.pages(
            "get_account_authorization_details", "RoleDetailList", Filter=["Role"]
        )
        return [d for d in everything if chosen(d["RoleName"]) or owned(d)]
    except AccessDenied:
        return _one_by_one(iam, chosen, owned)


def _one_by_one(iam: Iam, chosen: Chosen, owned: Owned) -> list[Detail]:
    names = [r["RoleName"] for r in iam.pages("list_roles", "Roles") if chosen(r["RoleName"])]
    return [d for d in at_once(lambda name: detail(iam, name, owned), names) if d is not None]


def detail(iam: Iam, name: str, owned: Owned = lambda _: True) -> Detail | None:
    """One role; None when there is none, also when it goes while we look.  Of a foreign one, no policies."""
    try:
        role = iam.call("get_role", RoleName=name)["Role"]
        return {**role, **_policies(iam, name)} if owned(role) else role
    except NotFound:
        return None


def _policies(iam: Iam, name: str) -> dict[str, Any]:
    """All of them: what somebody has added is found by listing, whatever it is called."""
    inline = list(iam.pages("list_role_policies", "PolicyNames", RoleName=name))
    attached = iam.pages("list_attached_role_policies", "AttachedPolicies", RoleName=name)
    return {
        "RolePolicyList": [
            iam.call("get_role_policy", RoleName=name, PolicyName=policy) for policy in inline
        ],
        "AttachedManagedPolicies": list(attached),
    }


def tags_of(found: Detail) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in found.get("Tags") or ()}


def inline_of(found: Detail) -> dict[str, Any]:
    """Name -> document, of the inline policies."""
    return {p["PolicyName"]: p["PolicyDocument"] for p in found.get("RolePolicyList") or ()}


def attached_of(found: Detail) -> list[str]:
    """ARNs of the managed policies."""
    return sorted(p["PolicyArn"] for p in found.get("AttachedManagedPolicies") or ())


def boundary_of(found: Detail) -> str | None:
    arn: str | None = (found.get("PermissionsBoundary") or {}).get("PermissionsBoundaryArn")
    return arn
