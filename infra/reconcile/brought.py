"""Roles that the user brings: whether they let in the service and allow what each agent's runs need.  Reads only.

They are the user's: nothing is ever written to one.  They are judged by their own policies and boundary; what an
organisation forbids is not known here, and a condition that a run's calls do not answer grants nothing.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from infra.desired.policy import SERVICE_PRINCIPALS, text
from toolkit.clouds.aws import arn, role_arn
from toolkit.core.environment import AwsCloud
from toolkit.core.errors import AccessDenied, NotFound
from toolkit.core.plan import Grant
from toolkit.core.ports import Concern

from .documents import deleted_principals, parsed
from .iam import Iam, at_once
from .policy import Need, Who, admits, allowed
from .reading import attached_of, boundary_of, detail, inline_of

_READS = "iam:GetRole, ListRolePolicies, GetRolePolicy, ListAttachedRolePolicies, GetPolicy and GetPolicyVersion"


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """One agent's use of a role that the user brings."""

    agent: str
    purpose: str  # task, execution or lambda
    role: str  # its ARN
    grants: tuple[Grant, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Powers:
    """What a role is: who may become it, and the policies that say what it may do."""

    trust: Any
    policies: tuple[str, ...]
    boundary: tuple[str, ...] = ()


def uses(cloud: AwsCloud, grants: Mapping[str, Sequence[Grant]]) -> list[Use]:
    """Every agent's, for each purpose that it has grants for and the environment names a role for."""
    return [
        Use(
            agent=agent,
            purpose=purpose,
            role=role_arn(cloud, brought, ""),
            grants=tuple(g for g in granted if g.role == purpose),
        )
        for agent, granted in grants.items()
        for purpose in sorted({grant.role for grant in granted})
        if (brought := cloud.brought_role(agent, purpose))
    ]


def concerns(iam: Iam, cloud: AwsCloud, used: Sequence[Use]) -> list[Concern]:
    """What is lacking for each use; a role that we may not read is said to be unknown, not good."""
    roles = sorted({use.role for use in used})
    found = dict(zip(roles, at_once(lambda role: _powers(iam, cloud, role), roles), strict=True))
    seen: list[Concern] = []
    for use in used:
        powers = found[use.role]
        new = [powers] if isinstance(powers, Concern) else _lacking(cloud, use, powers)
        seen += [concern for concern in new if concern not in seen]
    return seen


def deleted(name: str, trust: Any) -> Iterator[Concern]:
    """A principal that was deleted leaves its id, and one that is made again under its name is not let in."""
    for principal in deleted_principals(trust):
        yield Concern(
            about=name,
            message=f"its trust policy names {principal}: a role or user that has been deleted",
            remedy="remove it from the trust policy; who is to be let in again must be named again",
            warning=True,
        )


def _powers(iam: Iam, cloud: AwsCloud, role: str) -> Powers | Concern:
    """Of the role, or why it is not known."""
    if not role.startswith(arn(cloud, "iam", "role/")):
        return Concern(
            about=role,
            message=f"is not a role of account {cloud.account}, and Lambda and ECS take no other",
            remedy="name a role of the environment's own account",
        )
    name = role.rpartition("/")[2]
    try:
        return _read(iam, name)
    except AccessDenied as error:
        return Concern(
            about=name,
            message=f"cannot be examined, so what it allows is unknown ({error.message})",
            remedy=f"allow yourself {_READS} on it",
            warning=True,
        )
    except NotFound:
        return Concern(
            about=name,
            message="is named in the environment's file, and there is no such role",
            remedy="make it, or correct its name",
        )


def _read(iam: Iam, name: str) -> Powers:
    """Raises NotFound, AccessDenied."""
    found = detail(iam, name)
    if found is None:
        raise NotFound(f"there is no role {name}", hint="make it, or correct its name")
    inline = [text(parsed(document)) for document in inline_of(found).values()]
    boundary = boundary_of(found)
    return Powers(
        trust=parsed(found["AssumeRolePolicyDocument"]),
        policies=(*inline, *(_managed(iam, policy) for policy in attached_of(found))),
        boundary=(_managed(iam, boundary),) if boundary else (),
    )


def _managed(iam: Iam, policy: str) -> str:
    """The document that is in force."""
    version = iam.call("get_policy", PolicyArn=policy)["Policy"]["DefaultVersionId"]
    found = iam.call("get_policy_version", PolicyArn=policy, VersionId=version)
    return text(parsed(found["PolicyVersion"]["Document"]))


def _lacking(cloud: AwsCloud, use: Use, powers: Powers) -> Iterator[Concern]:
    name, service = use.role.rpartition("/")[2], SERVICE_PRINCIPALS[use.purpose]
    yield from deleted(name, powers.trust)
    need = Need(action="sts:AssumeRole", keys=_sent(cloud, use.purpose))
    if not admits(text(powers.trust), Who(kind="Service", name=service), need):
        yield Concern(
            about=name,
            message=f"its trust policy does not let {service} in",
            remedy=f"allow {service} sts:AssumeRole in its trust policy",
        )
    for grant in use.grants:
        missing = [
            a for a in grant.actions if not _grants(powers, grant, a, _always(cloud, use.role))
        ]
        if missing:
            resources = ", ".join(grant.resources)
            yield Concern(
                about=name,
                message=f"does not allow {', '.join(missing)} on {resources}, which {use.agent} needs"
                f"{f' ({grant.reason})' if grant.reason else ''}",
                remedy="add that to one of its policies, and to its permissions boundary if it has one",
            )


def _sent(cloud: AwsCloud, purpose: str) -> dict[str, list[str]]:
    """What the service says of itself when it becomes the role.  Lambda does not say it in every call
    (https://docs.aws.amazon.com/lambda/latest/dg/permissions-source-function-arn.html)."""
    if purpose == "lambda":
        return {}
    return {"aws:sourceaccount": [cloud.account], "aws:sourcearn": [arn(cloud, "ecs", "*")]}


def _always(cloud: AwsCloud, role: str) -> dict[str, list[str]]:
    """What AWS says of every request of the role's: organisations guard regions and accounts with it
    (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html)."""
    return {
        "aws:principalaccount": [cloud.account],
        "aws:principalarn": [role],
        "aws:requestedregion": [cloud.region],
        "aws:resourceaccount": [cloud.account],
        "aws:securetransport": ["true"],
    }


def _grants(powers: Powers, grant: Grant, action: str, always: Mapping[str, Sequence[str]]) -> bool:
    keys = {**always} | {
        key.lower(): [str(v) for v in ([values] if isinstance(values, str) else values)]
        for operator, tests in grant.conditions.items()
        if operator != "Null"
        for key, values in tests.items()
    }
    needs = (Need(action=action, resource=r, keys=keys) for r in grant.resources)
    return all(allowed(powers.policies, need, boundary=powers.boundary) for need in needs)
