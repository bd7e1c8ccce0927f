"""Roles of a deployed project on moto, and everything that somebody may do to them by hand."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from infra.reconcile.aws import AwsReconciler
from moto_tests.deployed import client
from toolkit.core.plan import Item, Plan
from toolkit.core.ports import Context

DEV = "al-shop-staging-dev-lambda-role"
STRANGER = "arn:aws:iam::999999999999:root"
Break = Callable[[Any, str], object]  # with IAM's client, to the role of that name


def statement(**elements: Any) -> str:
    """A document of one statement that allows."""
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **elements}]})


EVERYTHING = statement(Action="*", Resource="*")
LETS_STRANGER_IN = statement(Action="sts:AssumeRole", Principal={"AWS": STRANGER})


def _attach(iam: Any, role: str) -> None:
    iam.attach_role_policy(RoleName=role, PolicyArn=boundary(iam, "added"))


def _bound(iam: Any, role: str) -> None:
    iam.put_role_permissions_boundary(RoleName=role, PermissionsBoundary=boundary(iam, "narrow"))


def boundary(iam: Any, name: str) -> str:
    """A managed policy of the account, made when it is missing; its ARN."""
    known = {p["PolicyName"]: p["Arn"] for p in iam.list_policies(Scope="Local")["Policies"]}
    if name in known:
        return str(known[name])
    return str(iam.create_policy(PolicyName=name, PolicyDocument=EVERYTHING)["Policy"]["Arn"])


# what differs, and the words of the plan
BREAKS: Mapping[str, tuple[Break, str]] = {
    "trust": (
        lambda iam, role: iam.update_assume_role_policy(
            RoleName=role, PolicyDocument=LETS_STRANGER_IN
        ),
        "trust: changed in the account",
    ),
    "policy widened": (
        lambda iam, role: iam.put_role_policy(
            RoleName=role, PolicyName="grants", PolicyDocument=EVERYTHING
        ),
        "policy: changed in the account",
    ),
    "policy removed": (
        lambda iam, role: iam.delete_role_policy(RoleName=role, PolicyName="grants"),
        "policy: removed in the account",
    ),
    "inline": (
        lambda iam, role: iam.put_role_policy(
            RoleName=role, PolicyName="backdoor", PolicyDocument=EVERYTHING
        ),
        "inline: added in the account (backdoor)",
    ),
    "attached": (
        _attach,
        "attached: added in the account (arn:aws:iam::123456789012:policy/added)",
    ),
    "boundary": (_bound, "boundary: added in the account"),
    "tag changed": (
        lambda iam, role: iam.tag_role(RoleName=role, Tags=[{"Key": "al:agent", "Value": "other"}]),
        "tags: changed in the account (al:agent)",
    ),
    "tag removed": (
        lambda iam, role: iam.untag_role(RoleName=role, TagKeys=["al:agent"]),
        "tags: changed in the account (al:agent)",
    ),
    "tag added": (
        lambda iam, role: iam.tag_role(RoleName=role, Tags=[{"Key": "al:extra", "Value": "x"}]),
        "tags: changed in the account (al:extra)",
    ),
}


def planned(
    context: Context, wanted: Sequence[Item], applied: Sequence[Item] | None = None
) -> Plan:
    """What is to be done now; the last push was the desired one unless another is given."""
    reconciler = AwsReconciler(context)
    return reconciler.plan(
        wanted, reconciler.observe(wanted), wanted if applied is None else applied
    )


def reconcile(context: Context, wanted: Sequence[Item]) -> list[str]:
    """Make it so; the lines of progress."""
    lines: list[str] = []
    AwsReconciler(context).apply(planned(context, wanted), progress=lines.append)
    return lines


def iam_of(context: Context) -> Any:
    return client(context, "iam")


def make_foreign(context: Context, name: str = DEV) -> None:
    trust = statement(Action="sts:AssumeRole", Principal={"Service": "ec2.amazonaws.com"})
    iam_of(context).create_role(RoleName=name, AssumeRolePolicyDocument=trust)


def wipe(context: Context, name: str = DEV) -> None:
    """Delete the role as the console does, with all that is in it."""
    iam = iam_of(context)
    for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]:
        iam.delete_role_policy(RoleName=name, PolicyName=policy)
    for policy in iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]:
        iam.detach_role_policy(RoleName=name, PolicyArn=policy["PolicyArn"])
    iam.delete_role(RoleName=name)
