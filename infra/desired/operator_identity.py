"""What the commands of `al` need of IAM: handing roles on, reading them, and writing those that are ours.  Pure.

Who may write a role's policy can give it anything that its boundary allows, and then run as it.  So every write is
held to our names, our tags and, when the environment has one, its permission boundary
(https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html#access_policies_boundaries-delegate).
"""

from collections.abc import Iterator, Mapping
from typing import Any

from toolkit.clouds.aws import CODEBUILD
from toolkit.core.plan import Grant

from .operator_names import ENVIRONMENT, Ours
from .operator_rights import ROLE
from .policy import SERVICE_PRINCIPALS

_READS = (
    "iam:GetRole",
    "iam:GetRolePolicy",
    "iam:ListAttachedRolePolicies",
    "iam:ListInstanceProfilesForRole",
    "iam:ListRolePolicies",
    "iam:ListRoleTags",
)
_BOUNDED = ("iam:DeleteRolePolicy", "iam:DetachRolePolicy", "iam:PutRolePolicy")


def passing(ours: Ours) -> Iterator[Grant]:
    """Tags of a role do not limit who may pass it, so names do
    (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html)."""
    builds = ours.environment.images.get("builder") == "codebuild"
    known = {s for s in SERVICE_PRINCIPALS.values() if builds or s != CODEBUILD}
    services = sorted(known)
    yield Grant(
        role=ROLE,
        actions=("iam:PassRole",),
        resources=(*ours.roles, *ours.brought_roles),
        conditions={"StringEquals": {"iam:PassedToService": services}},
        reason="handing roles to their services",
    )


def reading(ours: Ours) -> Iterator[Grant]:
    """Of a role that the user brings, the managed policies too: they say what its runs may do, and which they are is
    known when the role has been read."""
    yield Grant(
        role=ROLE,
        actions=_READS,
        resources=(*ours.roles, *ours.brought_roles),
        reason="reading roles",
    )
    if ours.brought_roles:
        yield Grant(
            role=ROLE,
            actions=("iam:GetPolicy", "iam:GetPolicyVersion"),
            resources=ours.managed_policies,
            reason="policies of roles that are brought",
        )


def writing(ours: Ours) -> Iterator[Grant]:
    """Making and repairing roles of ours; they are never given managed policies."""
    yield from reading(ours)
    yield _write(ours, "making roles", ("iam:CreateRole",), ours.request_tags, bounded=True)
    yield _write(ours, "new roles", ("iam:TagRole",), _untagged(ours))
    yield _write(
        ours,
        "changing roles",
        (
            "iam:DeleteRole",
            "iam:TagRole",
            "iam:UntagRole",
            "iam:UpdateAssumeRolePolicy",
            "iam:UpdateRole",
        ),
        ours.resource_tags,
    )
    yield _write(ours, "policies", _BOUNDED, ours.resource_tags, bounded=True)
    if ours.cloud.permission_boundary:
        put = ("iam:PutRolePermissionsBoundary",)
        yield _write(ours, "boundaries of roles", put, ours.resource_tags, bounded=True)
    else:
        drop = ("iam:DeleteRolePermissionsBoundary",)
        yield _write(ours, "boundaries of roles", drop, ours.resource_tags)
    yield _service_linked(ours)


def identities() -> Iterator[Grant]:
    """Every role in one call instead of four for each; IAM allows it for the whole account only."""
    yield Grant(
        role=ROLE,
        actions=("iam:GetAccountAuthorizationDetails",),
        resources=("*",),
        reason="reading all identities",
    )


def _write(
    ours: Ours,
    reason: str,
    actions: tuple[str, ...],
    conditions: Mapping[str, Mapping[str, Any]],
    *,
    bounded: bool = False,
) -> Grant:
    boundary = ours.cloud.permission_boundary
    if bounded and boundary:
        equal = {**conditions["StringEquals"], "iam:PermissionsBoundary": boundary}
        conditions = {**conditions, "StringEquals": equal}
    return Grant(
        role=ROLE, actions=actions, resources=ours.roles, conditions=conditions, reason=reason
    )


def _untagged(ours: Ours) -> dict[str, dict[str, str]]:
    """A role that is being made has no tags yet, and one of another environment keeps its own: two environments'
    names may begin alike."""
    return {**ours.request_tags, "Null": {f"aws:ResourceTag/{ENVIRONMENT}": "true"}}


def _service_linked(ours: Ours) -> Grant:
    """An account that has never used ECS
    (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/using-service-linked-roles.html)."""
    service = "ecs.amazonaws.com"
    return Grant(
        role=ROLE,
        actions=("iam:CreateServiceLinkedRole",),
        resources=ours.arn("iam", f"role/aws-service-role/{service}/AWSServiceRoleForECS"),
        conditions={"StringEquals": {"iam:AWSServiceName": service}},
        reason="first use",
    )
