"""What IAM refuses: sizes without white space, names that differ in case only, and malformed policies.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html.  The wire codes lack the word Exception
that the model's names have.
"""

import re

from .calls import Call, Refusal
from .cloud import Cloud
from .policy_grammar import faults
from .refusal_table import Rules

INLINE, MANAGED, TRUST = 10_240, 6_144, 2_048  # characters without white space
MOST_ATTACHED, MOST_TAGS = 10, 50


def size(document: str) -> int:
    """Characters that count: IAM does not count white space."""
    return len(re.sub(r"\s", "", document))


def unique_name(call: Call, cloud: Cloud) -> None:
    """Names are unique ignoring their case."""
    name = call.parameters["RoleName"]
    with cloud.backend("iam") as backend:
        taken = any(role.name.lower() == name.lower() for role in backend.roles.values())
    if taken:
        raise Refusal("EntityAlreadyExists", f"Role with name {name} already exists.", 409)


def trust(call: Call, cloud: Cloud) -> None:
    document = call.parameters.get("AssumeRolePolicyDocument") or call.parameters["PolicyDocument"]
    if size(document) > TRUST:
        raise Refusal("LimitExceeded", f"Cannot exceed quota for ACLSizePerRole: {TRUST}", 409)
    with cloud.backend("iam") as backend:
        principals = {role.arn for role in backend.roles.values()}
        principals |= {user.arn for user in backend.users.values()}
    _check(faults(document, trust=True, account=cloud.account, principals=principals))


def role_tags(call: Call, _: Cloud) -> None:
    if len(call.parameters.get("Tags") or ()) > MOST_TAGS:
        raise Refusal("LimitExceeded", f"Cannot exceed quota for TagsPerRole: {MOST_TAGS}", 409)


def inline(call: Call, cloud: Cloud) -> None:
    """The sum of a role's inline policies."""
    name, policy = call.parameters["RoleName"], call.parameters["PolicyName"]
    _check(faults(call.parameters["PolicyDocument"]))
    with cloud.backend("iam") as backend:
        role = next((r for r in backend.roles.values() if r.name == name), None)
        others = [d for n, d in role.policies.items() if n != policy] if role else []
    if sum(map(size, [*others, call.parameters["PolicyDocument"]])) > INLINE:
        raise Refusal(
            "LimitExceeded", f"Maximum policy size of {INLINE} bytes exceeded for role {name}", 409
        )


def managed(call: Call, _: Cloud) -> None:
    _check(faults(call.parameters["PolicyDocument"]))
    if size(call.parameters["PolicyDocument"]) > MANAGED:
        raise Refusal("LimitExceeded", f"Cannot exceed quota for PolicySize: {MANAGED}", 409)


def attached(call: Call, cloud: Cloud) -> None:
    with cloud.backend("iam") as backend:
        role = next(
            (r for r in backend.roles.values() if r.name == call.parameters["RoleName"]), None
        )
        known = set(role.managed_policies) if role else set()
    if len(known | {call.parameters["PolicyArn"]}) > MOST_ATTACHED:
        raise Refusal(
            "LimitExceeded", f"Cannot exceed quota for PoliciesPerRole: {MOST_ATTACHED}", 409
        )


def _check(found: list[str]) -> None:
    if found:
        raise Refusal("MalformedPolicyDocument", found[0], 400)


RULES: Rules = {
    ("iam", "CreateRole"): (unique_name, trust, role_tags),
    ("iam", "UpdateAssumeRolePolicy"): (trust,),
    ("iam", "PutRolePolicy"): (inline,),
    ("iam", "CreatePolicy"): (managed,),
    ("iam", "CreatePolicyVersion"): (managed,),
    ("iam", "AttachRolePolicy"): (attached,),
    ("iam", "TagRole"): (role_tags,),
}
