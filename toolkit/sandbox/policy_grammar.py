"""The grammar of IAM policies, as far as the service checks it when a policy is stored.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
"""

import json
import re
from collections.abc import Collection, Iterator, Mapping
from functools import cache
from typing import Any

_VERSIONS = ("2012-10-17", "2008-10-17")
_SID = re.compile(r"[A-Za-z0-9]*")
_ACTION = re.compile(r"\*|[A-Za-z0-9-]+:[A-Za-z0-9*?]+")
_ARN = re.compile(r"arn:[\w*?${}-]+:[\w*?${}-]+:[^:]*:[^:]*:.+", re.DOTALL)
_OPERATOR = re.compile(
    r"(ForAllValues:|ForAnyValue:)?(String(Not)?(Equals|EqualsIgnoreCase|Like)|Numeric(Not)?Equals"
    r"|Numeric(Less|Greater)Than(Equals)?|Date(Not)?Equals|Date(Less|Greater)Than(Equals)?|Bool|BinaryEquals"
    r"|(Not)?IpAddress|Arn(Not)?(Equals|Like))(IfExists)?|Null"
)
_KEYS = frozenset(
    [
        "Sid",
        "Effect",
        "Principal",
        "NotPrincipal",
        "Action",
        "NotAction",
        "Resource",
        "NotResource",
        "Condition",
    ]
)
# Service principals that are no client library's name.
_PRINCIPALS = frozenset(["ecs-tasks", "edgelambda", "spotfleet", "delivery.logs", "vpc-flow-logs"])


def faults(
    document: str,
    *,
    trust: bool = False,
    account: str = "",
    principals: Collection[str] = (),
) -> list[str]:
    """What IAM would say against the document; empty when nothing.

    A trust policy names principals and no resources; a role or user of this account must exist to be named.
    """
    try:
        policy = json.loads(document)
    except ValueError:
        return ["This policy contains invalid Json"]
    if not isinstance(policy, dict) or set(policy) - {"Version", "Id", "Statement"}:
        return ["Syntax errors in policy."]
    if policy.get("Version", _VERSIONS[0]) not in _VERSIONS:
        return ["The policy must contain a valid version string"]
    statements = _listed(policy.get("Statement"))
    if not all(isinstance(statement, dict) for statement in statements):
        return ["Syntax errors in policy."]
    found = [fault for s in statements for fault in _statement(s, trust=trust)]
    if trust:
        found += [
            f for s in statements for f in _principals(s.get("Principal"), account, principals)
        ]
    return found


def _statement(statement: Mapping[str, Any], *, trust: bool) -> Iterator[str]:
    if set(statement) - _KEYS or statement.get("Effect") not in {"Allow", "Deny"}:
        yield "Syntax errors in policy."
    if not trust and not _SID.fullmatch(str(statement.get("Sid", ""))):
        yield f"Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression {_SID.pattern}"
    actions = _listed(statement.get("Action", statement.get("NotAction")))
    if not actions:
        yield "Policy statement must contain actions."
    for action in actions:
        if not _ACTION.fullmatch(str(action)):
            yield f"Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc. ({action})"
    for operator in statement.get("Condition") or {}:
        if not _OPERATOR.fullmatch(operator):
            yield f"Invalid Condition type : {operator}."
    yield from _trust_parts(statement) if trust else _resources(statement)


def _trust_parts(statement: Mapping[str, Any]) -> Iterator[str]:
    if "Resource" in statement or "NotResource" in statement:
        yield "Has prohibited field Resource"
    if "Principal" not in statement and "NotPrincipal" not in statement:
        yield "Missing required field Principal"


def _resources(statement: Mapping[str, Any]) -> Iterator[str]:
    if "Principal" in statement or "NotPrincipal" in statement:
        yield "Policy document should not specify a principal."
    resources = _listed(statement.get("Resource", statement.get("NotResource")))
    if not resources:
        yield "Policy statement must contain resources."
    for resource in resources:
        if resource != "*" and not _ARN.fullmatch(str(resource)):
            yield f'Resource {resource} must be in ARN format or "*".'


def _principals(principal: Any, account: str, known: Collection[str]) -> Iterator[str]:
    if not isinstance(principal, dict):
        return
    for service in _listed(principal.get("Service")):
        if str(service).removesuffix(".amazonaws.com") not in _services():
            yield f'Invalid principal in policy: "SERVICE":"{service}"'
    for arn in _listed(principal.get("AWS")):
        mine = str(arn).startswith(f"arn:aws:iam::{account}:") and not str(arn).endswith(":root")
        if mine and arn not in known:
            yield f'Invalid principal in policy: "AWS":"{arn}"'


@cache
def _services() -> frozenset[str]:
    import botocore.session

    return frozenset(botocore.session.get_session().get_available_services()) | _PRINCIPALS


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
