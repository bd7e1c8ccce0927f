"""Grants become policy documents: named resources only, in the fewest characters, within what IAM takes.

Pure.  Sizes and characters: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html.
"""

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from toolkit.clouds.aws import CODEBUILD, ECS_TASKS, LAMBDA
from toolkit.core.errors import AlError, LimitExceeded
from toolkit.core.plan import Grant

from .without_resource import IN_ROLES

VERSION = "2012-10-17"
INLINE_SIZE = 10_240  # of all inline policies of a role; a role of ours has one
TRUST_SIZE = 2_048  # the default quota; white space does not count in either

# by purpose of the role, as in Grant.role
SERVICE_PRINCIPALS: Mapping[str, str] = {
    "task": ECS_TASKS,
    "execution": ECS_TASKS,
    "lambda": LAMBDA,
    "build": CODEBUILD,
}

# all of a service, or of one of its kinds; what stands before S3's slash is a bucket
_EVERYTHING = re.compile(r"arn:[^:]*:(?:s3:::|(?!s3:)[^:]*:[^:]*:[^:]*:([a-z-]+[:/])?)\*")
_LEADING_KEYS = "dynamodb:leadingkeys"


def trust(purpose: str, account: str) -> dict[str, Any]:
    """Who may become a role of this purpose.

    ECS sends `aws:SourceAccount`, so a stranger's task cannot borrow the role
    (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html).  Lambda gets no
    condition: it does not send the keys in every call that it makes with an execution role
    (https://docs.aws.amazon.com/lambda/latest/dg/permissions-source-function-arn.html).
    """
    statement: dict[str, Any] = {
        "Action": "sts:AssumeRole",
        "Effect": "Allow",
        "Principal": {"Service": SERVICE_PRINCIPALS[purpose]},
    }
    if purpose != "lambda":
        statement["Condition"] = {"StringEquals": {"aws:SourceAccount": account}}
    return {"Version": VERSION, "Statement": [statement]}


def policy(
    grants: Iterable[Grant], *, without_resource: Collection[str] = IN_ROLES
) -> dict[str, Any]:
    """One document that allows exactly these grants.  Raises AlError when one of them is too wide: only the actions
    `without_resource` may name everything."""
    ordered = sorted(grants, key=lambda g: (sorted(g.actions), sorted(g.resources), g.reason))
    for grant in ordered:
        _refuse_too_wide(grant, without_resource)
    sids = _sids(ordered)
    return {"Version": VERSION, "Statement": [_statement(g, next(sids)) for g in ordered]}


def text(document: Mapping[str, Any]) -> str:
    """The document as IAM gets it: no white space, keys sorted, so equal documents are equal texts."""
    return json.dumps(document, separators=(",", ":"), sort_keys=True, ensure_ascii=False)


def check_size(document: Mapping[str, Any], limit: int, owner: str) -> None:
    """Raises LimitExceeded when IAM would refuse the document, by size or by character."""
    rendered = text(document)
    if not rendered.isascii():
        raise LimitExceeded(
            f"the policy of {owner} has characters that IAM does not take",
            hint="use ASCII letters in the names of the project, the environment and credentials",
        )
    if len(rendered) > limit:
        raise LimitExceeded(
            f"the policy of {owner} has {len(rendered)} characters; IAM takes {limit}",
            hint="split the project in two: each has its own gateway and roles",
        )


def _statement(grant: Grant, sid: str) -> dict[str, Any]:
    statement: dict[str, Any] = {
        "Sid": sid,
        "Effect": "Allow",
        "Action": _shortest(grant.actions),
        "Resource": _shortest(grant.resources),
    }
    if grant.conditions:
        # by way of JSON, so that what is desired equals what a service answers: lists, no tuples
        statement["Condition"] = json.loads(text({k: dict(v) for k, v in grant.conditions.items()}))
    return statement


def _shortest(values: Sequence[str]) -> str | list[str]:
    unique = sorted(set(values))
    return unique[0] if len(unique) == 1 else unique


def _sids(grants: Iterable[Grant]) -> Iterator[str]:
    """The reason in CamelCase: a Sid takes letters and digits only, and must be unique in its policy
    (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_sid.html)."""
    taken: dict[str, int] = {}
    for grant in grants:
        words = re.findall(
            r"[A-Za-z0-9]+", (grant.reason or " ".join(grant.actions)).replace("'", "")
        )
        sid = "".join(w[0].upper() + w[1:] for w in words)[:64] or "Grant"
        taken[sid] = taken.get(sid, 0) + 1
        yield sid if taken[sid] == 1 else f"{sid}{taken[sid]}"


def _refuse_too_wide(grant: Grant, without_resource: Collection[str]) -> None:
    problem = _too_wide(grant, without_resource) or _loose_leading_keys(grant)
    if problem:
        raise AlError(
            f"the grant {grant.reason or ', '.join(grant.actions)!r} {problem}",
            hint="name what the run needs, and nothing else",
        )


def _too_wide(grant: Grant, without_resource: Collection[str]) -> str:
    if not grant.actions or not grant.resources:
        return "names no action or no resource"
    if any("*" in action for action in grant.actions):
        return "has a wildcard action"
    wide = [r for r in grant.resources if everything(r)]
    if wide and not set(grant.actions) <= set(without_resource):
        return f"names every resource ({wide[0]})"
    return ""


def everything(resource: str) -> bool:
    """Whether it names all of a service, or of one of its kinds."""
    return resource == "*" or bool(_EVERYTHING.fullmatch(resource))


def _loose_leading_keys(grant: Grant) -> str:
    """ForAllValues is true when the key is absent, so the key must be there, and Scan never sends it.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html
    """
    operators = [
        operator
        for operator, tests in grant.conditions.items()
        if _LEADING_KEYS in map(str.lower, tests)
    ]
    if not operators:
        return ""
    if "dynamodb:Scan" in grant.actions:
        return "limits the leading keys of Scan, which has none"
    if not all(o == "Null" or o.startswith("ForAllValues:") for o in operators):
        return "compares leading keys without ForAllValues"
    if not _requires_key(grant.conditions.get("Null", {})):
        return "does not require that the leading key is present"
    return ""


def _requires_key(nulls: Mapping[str, Any]) -> bool:
    present = {key.lower(): str(value).lower() for key, value in nulls.items()}
    return present.get(_LEADING_KEYS) == "false"
