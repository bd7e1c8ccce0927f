"""What the AWS account allows: what this identity may do, as IAM's simulator sees it, and the account's own limits.

A simulation is advice: it knows no resource policies of what is not there yet, and not every organisation's rule
(https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from toolkit.clouds.aws import Clients, translated
from toolkit.core.errors import NotFound
from toolkit.ops.doctor.findings import Finding, note, warning
from toolkit.ops.doctor.quota_table import CONCURRENCY, SPOT_VCPUS, VCPUS

# https://docs.aws.amazon.com/general/latest/gr/ecs-service.html
_CODES = {VCPUS.name: "L-3032A538", SPOT_VCPUS.name: "L-36FBB829"}
_SHOWN = 6  # denied actions that a message names before it counts

# IAM's names for condition operators' values in a simulation's context
_KINDS = {
    **dict.fromkeys(("StringEquals", "StringLike", "ArnEquals", "ArnLike"), "string"),
    "Bool": "boolean",
}


def rights(clients: Clients, policy: Mapping[str, Any]) -> Iterator[Finding]:
    """Whether the caller may do what `policy` allows.  Raises AccessDenied when simulating is not allowed."""
    principal = _principal(clients)
    if principal is None:
        message = "this is the account's root user, which may do everything"
        yield warning("permissions", message, "use a role or a user of its own for deployments")
        return
    denied: dict[str, str] = {}
    for statement in policy["Statement"]:
        denied |= _denied(clients, principal, statement)
    own = sorted(action for action in denied if not _on_identities(action))
    identities = sorted(action for action in denied if _on_identities(action))
    remedy = "`al doctor --operator-policy` prints the policy that allows it"
    if own:
        words = f"{principal} may not {_named(own)}, as IAM's simulator sees it"
        yield warning("permissions", words, remedy)
    if identities:
        words = f"{principal} may not change roles ({_named(identities)}): a push that adds an agent will fail"
        yield warning("permissions", words, f"{remedy}, or let somebody who may push it first")


def _on_identities(action: str) -> bool:
    return action.startswith("iam:") and action != "iam:PassRole"


def _named(actions: Sequence[str]) -> str:
    more = len(actions) - _SHOWN
    return ", ".join(actions[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _principal(clients: Clients) -> str | None:
    """The ARN of the user or role that calls; None for the root user.

    A session's ARN lacks its role's path, so the role is asked for it.
    """
    with translated("asking AWS who we are"):
        caller = str(clients.client("sts").get_caller_identity()["Arn"])
    if caller.endswith(":root"):
        return None
    if ":assumed-role/" not in caller:
        return caller
    name = caller.split("/")[1]
    with translated(f"looking at the role {name}"):
        return str(clients.client("iam").get_role(RoleName=name)["Role"]["Arn"])


def _denied(clients: Clients, principal: str, statement: Mapping[str, Any]) -> dict[str, str]:
    """Action -> decision, of those that are not allowed on every resource of an Allow statement."""
    if statement["Effect"] != "Allow":
        return {}
    denied: dict[str, str] = {}
    for service, actions in _by_service(statement).items():
        if resources := _resources(statement, service):
            request = {
                "PolicySourceArn": principal,
                "ActionNames": actions,
                "ResourceArns": resources,
                "ContextEntries": list(_context(statement)),
            }
            denied |= _simulated(clients, request)
    return denied


def _simulated(clients: Clients, request: Mapping[str, Any]) -> dict[str, str]:
    with translated("simulating what this identity may do"):
        pages = clients.client("iam").get_paginator("simulate_principal_policy").paginate(**request)
        return {
            str(result["EvalActionName"]): str(result["EvalDecision"])
            for page in pages
            for result in page["EvaluationResults"]
            if result["EvalDecision"] != "allowed"
        }


def _by_service(statement: Mapping[str, Any]) -> dict[str, list[str]]:
    """Service -> the actions that are named whole."""
    found: dict[str, list[str]] = {}
    for action in _list(statement.get("Action")):
        if "*" not in action:
            found.setdefault(action.partition(":")[0], []).append(action)
    return found


def _resources(statement: Mapping[str, Any], service: str) -> list[str]:
    """Those of the service: one statement of ours holds what many services may be asked, and an action means nothing
    for another's resources."""
    named = _list(statement.get("Resource")) or ["*"]
    mine = [r for r in named if r == "*" or r.split(":")[2] == service]
    return [r if r == "*" else r.replace("*", "any") for r in mine]


def _context(statement: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """What a request that fulfils the statement's conditions would bring."""
    for operator, tests in (statement.get("Condition") or {}).items():
        quantifier, _, plain = operator.rpartition(":")
        if kind := _KINDS.get(plain.removesuffix("IfExists")):
            for key, values in tests.items():
                yield {
                    "ContextKeyName": key,
                    "ContextKeyValues": _list(values)[:1],
                    "ContextKeyType": f"{kind}List" if quantifier else kind,
                }


def _list(value: Any) -> list[str]:
    if value is None:
        return []
    return [str(v) for v in value] if isinstance(value, list | tuple) else [str(value)]


# limits


def concurrency(clients: Clients, limits: dict[str, float]) -> Iterator[Finding]:
    """What functions without a reservation of their own share; many new accounts have 10 instead of 1,000
    (https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html)."""
    try:
        with translated("asking for Lambda's limits"):
            settings = clients.client("lambda").get_account_settings()
    except NotFound:
        yield _unknown(clients, "Lambda")
        return
    limits[CONCURRENCY.name] = float(settings["AccountLimit"]["UnreservedConcurrentExecutions"])


def vcpus(clients: Clients, limits: dict[str, float]) -> Iterator[Finding]:
    """The account's own quotas of Fargate."""
    for name, code in _CODES.items():
        try:
            with translated("asking for Fargate's limits"):
                answer = clients.client("service-quotas").get_service_quota(
                    ServiceCode="fargate", QuotaCode=code
                )
        except NotFound:
            yield _unknown(clients, name)
        else:
            limits[name] = float(answer["Quota"]["Value"])


def _unknown(clients: Clients, subject: str) -> Finding:
    message = (
        f"{clients.cloud.region} does not tell the account's own limits: AWS's defaults are assumed"
    )
    return note(subject, message, "see the Service Quotas console")
