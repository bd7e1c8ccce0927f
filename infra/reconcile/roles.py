"""One role of ours in IAM: seen as an item, made, brought up to date, removed.

Writes only what differs.  A role without this environment's tags is looked at and never touched.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from infra.desired.policy import text
from toolkit.clouds.aws import Clients, code_of, tag_list
from toolkit.core.errors import AlreadyExists, Conflict, NotFound
from toolkit.core.names import Names
from toolkit.core.plan import Item
from toolkit.core.retry import retrying

from .documents import parsed
from .iam import Iam
from .reading import Detail, attached_of, boundary_of, detail, details, inline_of, tags_of

KIND = "role"
POLICY = "grants"  # the one inline policy of a role of ours
COLLECTIONS = ("inline", "attached")  # what somebody may have added to one
_OUR_TAGS = "al:"  # the user's own tags are left alone
_LONGEST = 64  # https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html
_EMPTYING = 30.0  # seconds in which somebody may add again to a role that is being removed

_NO_BOUNDARY = {
    "NotFound": "make the policy that `permissionBoundary` names, or correct the environment's file; "
    "if it is the role that is gone, run the command again"
}


def whole(desired: Item) -> Item:
    """A desired role as `observe` would show it: with every attribute that we own."""
    given = desired.attributes
    attributes = {
        "trust": given["trust"],
        "policy": given["policy"],
        "boundary": given.get("boundary"),  # records of older pushes have none
        "inline": {},
        "attached": [],
    }
    return Item(kind=KIND, name=desired.name, attributes=attributes, tags=desired.tags)


def observe(clients: Clients, names: Names, wanted: Collection[str] = ()) -> tuple[Item, ...]:
    """Every role with our tags, and what stands under one of the names `wanted`, whoever owns it.

    Attributes: trust, policy (`grants`), boundary, inline (the other inline policies), attached (ARNs), and path when
    it is not `/`; tags: ours only.  Of a foreign role there is the name and nothing else.  IAM's names are unique
    without regard to case, so a wanted name is found in any
    (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html).
    """
    needed, prefix = {name.lower() for name in wanted}, names.beginning(_LONGEST).lower()

    def owned(found: Detail) -> bool:
        return names.owns(tags_of(found))

    def near(name: str) -> bool:
        return name.lower() in needed or name.lower().startswith(prefix)

    found = details(Iam(clients), near, owned)
    seen = [_item(d, names) for d in found if owned(d) or d["RoleName"].lower() in needed]
    return tuple(sorted(seen, key=lambda item: item.name))


def create(iam: Iam, names: Names, wanted: Item) -> None:
    """Make the role.  One that has come meanwhile is brought up to date; raises Conflict when it is not ours."""
    boundary = wanted.attributes["boundary"]
    bounded: dict[str, Any] = {"PermissionsBoundary": boundary} if boundary else {}
    try:
        iam.call(
            "create_role",
            hints=_NO_BOUNDARY,
            RoleName=wanted.name,
            AssumeRolePolicyDocument=text(wanted.attributes["trust"]),
            Tags=tag_list(wanted.tags, "Key", "Value"),
            **bounded,
        )
    except AlreadyExists:
        present = detail(iam, wanted.name)
        if present is None:
            raise
        update(iam, names, wanted, _item(present, names))
    else:
        _put_policy(iam, wanted, wanted)


def update(iam: Iam, names: Names, wanted: Item, live: Item) -> None:
    """Write what differs between them: first what takes rights away, then what gives them.  Raises Conflict, also
    when another role has come in its place since it was seen."""
    present = iam.call("get_role", RoleName=live.name)["Role"]
    _require_ours(names, live.name, tags_of(present))
    for attribute, write in _WRITES:
        if wanted.attributes[attribute] != live.attributes[attribute]:
            write(iam, wanted, live)
    _write_tags(iam, wanted, live)


def held_by(iam: Iam, name: str) -> tuple[str, ...]:
    """The instance profiles that the role is in.  `al` makes none, so they are somebody's."""
    found = iam.pages("list_instance_profiles_for_role", "InstanceProfiles", RoleName=name)
    return tuple(profile["InstanceProfileName"] for profile in found)


def remove(clients: Clients, names: Names, name: str) -> None:
    """Take the role away, with what keeps IAM from deleting it: attachments and inline policies
    (https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteRole.html).

    One that is gone is fine.  Raises Conflict, and leaves it whole, when it is not ours, or is in an instance profile.
    """
    iam = Iam(clients)
    found = detail(iam, name, lambda _: False)
    if found is None:
        return
    _require_ours(names, name, tags_of(found))
    retrying(
        lambda: _empty_and_delete(iam, name),
        seconds=_EMPTYING,
        retry=lambda error: code_of(error) == "DeleteConflict",
        sleep=iam.sleep,
    )


def _item(found: Detail, names: Names) -> Item:
    tags = tags_of(found)
    if not names.owns(tags):
        return Item(kind=KIND, name=found["RoleName"])
    inline = {name: parsed(document) for name, document in inline_of(found).items()}
    attributes = {
        "trust": parsed(found["AssumeRolePolicyDocument"]),
        "policy": inline.pop(POLICY, None),
        "boundary": boundary_of(found),
        "inline": inline,
        "attached": attached_of(found),
    }
    if found["Path"] != "/":
        attributes["path"] = found["Path"]
    ours = {key: value for key, value in tags.items() if key.startswith(_OUR_TAGS)}
    return Item(kind=KIND, name=found["RoleName"], attributes=attributes, tags=ours)


def _require_ours(names: Names, name: str, tags: Mapping[str, str]) -> None:
    if not names.owns(dict(tags)):
        scope = names.scope
        raise Conflict(
            f"the role {name} is there, but not of {scope.project}/{scope.environment}",
            hint="remove it, or rename the project, the environment or the agent",
        )


# --------------------------------------------------------------------------- writes, each harmless when repeated


def _put_policy(iam: Iam, wanted: Item, _: Item) -> None:
    document = text(wanted.attributes["policy"])
    iam.call("put_role_policy", RoleName=wanted.name, PolicyName=POLICY, PolicyDocument=document)


def _write_trust(iam: Iam, wanted: Item, _: Item) -> None:
    document = text(wanted.attributes["trust"])
    iam.call("update_assume_role_policy", RoleName=wanted.name, PolicyDocument=document)


def _write_boundary(iam: Iam, wanted: Item, _: Item) -> None:
    boundary = wanted.attributes["boundary"]
    if boundary is None:
        _drop(iam, "delete_role_permissions_boundary", RoleName=wanted.name)
        return
    iam.call(
        "put_role_permissions_boundary",
        hints=_NO_BOUNDARY,
        RoleName=wanted.name,
        PermissionsBoundary=boundary,
    )


def _detach(iam: Iam, wanted: Item, live: Item) -> None:
    for arn in live.attributes["attached"]:
        _drop(iam, "detach_role_policy", RoleName=wanted.name, PolicyArn=arn)


def _drop_inline(iam: Iam, wanted: Item, live: Item) -> None:
    for name in live.attributes["inline"]:
        _drop(iam, "delete_role_policy", RoleName=wanted.name, PolicyName=name)


def _write_tags(iam: Iam, wanted: Item, live: Item) -> None:
    lacking = {k: v for k, v in wanted.tags.items() if live.tags.get(k) != v}
    if lacking:
        iam.call("tag_role", RoleName=wanted.name, Tags=tag_list(lacking, "Key", "Value"))
    if extra := sorted(live.tags.keys() - wanted.tags.keys()):
        iam.call("untag_role", RoleName=wanted.name, TagKeys=extra)


_WRITES: tuple[tuple[str, Callable[[Iam, Item, Item], None]], ...] = (
    ("boundary", _write_boundary),
    ("attached", _detach),
    ("inline", _drop_inline),
    ("policy", _put_policy),
    ("trust", _write_trust),
)


def _empty_and_delete(iam: Iam, name: str) -> None:
    role: dict[str, Any] = {"RoleName": name}
    try:
        _require_free(iam, name)
        for policy in list(iam.pages("list_attached_role_policies", "AttachedPolicies", **role)):
            _drop(iam, "detach_role_policy", **role, PolicyArn=policy["PolicyArn"])
        for inline in list(iam.pages("list_role_policies", "PolicyNames", **role)):
            _drop(iam, "delete_role_policy", **role, PolicyName=inline)
        iam.call("delete_role", **role)
    except NotFound:
        return


def _require_free(iam: Iam, name: str) -> None:
    """A machine of somebody's may run as it."""
    if profiles := held_by(iam, name):
        raise Conflict(
            f"the role {name} is in the instance profile {', '.join(profiles)}, which is not ours",
            hint=f"it stays; {out_of_profile(name, profiles[0])}",
        )


def out_of_profile(name: str, profile: str) -> str:
    """What to do about it."""
    return (
        "if nothing needs it there: aws iam remove-role-from-instance-profile "
        f"--instance-profile-name {profile} --role-name {name}"
    )


def _drop(iam: Iam, operation: str, **request: Any) -> None:
    """What is not there need not be taken away."""
    try:
        iam.call(operation, **request)
    except NotFound:
        return
