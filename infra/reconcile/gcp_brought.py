"""The account that the user brings for all agents: whether it is there, and may do what their runs need.  Reads only.

It is the user's: nothing is ever written to it.  It is judged by its roles on the project; what it was given on single
secrets, in a folder or in the organization is not known here.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from toolkit.clouds.gcp_runs import RUN_PERMISSIONS, run_condition, run_secrets
from toolkit.core.environment import GcpCloud
from toolkit.core.errors import AccessDenied, NotFound
from toolkit.core.gcp_names import GcpNames
from toolkit.core.ports import Concern

from . import gcp_bindings as bindings
from .gcp_iam import Iam
from .gcp_judge import Ask, Grant, certain, granted

SECRET = "secretmanager.googleapis.com/Secret"  # noqa: S105 - a type's name
VERSION = "secretmanager.googleapis.com/SecretVersion"


def concerns(
    iam: Iam, cloud: GcpCloud, names: GcpNames, agents: Sequence[str]
) -> Iterator[Concern]:
    """What is lacking for each agent; an account that we may not see is said to be unknown, not good."""
    email = str(cloud.service_account)
    try:
        found = iam.call("get_service_account", email, name=iam.of_email(email))
    except (NotFound, AccessDenied) as error:
        yield _unseen(email, error)
        return
    if found.disabled:
        yield Concern(
            about=email,
            message="is disabled, so no run can start with it",
            remedy=f"gcloud iam service-accounts enable {email}",
        )
    yield from _lacking(iam, names, email, agents)


def _lacking(iam: Iam, names: GcpNames, email: str, agents: Sequence[str]) -> Iterator[Concern]:
    grants, number = _grants(iam, email), iam.clients.number
    for agent in agents:
        missing = [p for p in RUN_PERMISSIONS if not certain(grants, _ask(names, number, agent, p))]
        if missing:
            condition = run_condition(names, number, agent)
            yield Concern(
                about=email,
                message=f"does not allow {', '.join(missing)} on the run secrets of {agent}",
                remedy=f"give it a role with these permissions under the condition {condition}",
            )


def _grants(iam: Iam, email: str) -> list[Grant]:
    grants = bindings.grants_of(iam.policy.read(), email)
    permissions = {role: _permissions(iam, role) for role in {g["role"] for g in grants.values()}}
    return granted(grants, permissions)


def _permissions(iam: Iam, role: str) -> tuple[str, ...]:
    """None of a role that is gone, or that we may not see."""
    try:
        found: Any = iam.call("get_role", role, name=role)
    except (NotFound, AccessDenied):
        return ()
    return () if found.deleted else tuple(found.included_permissions)


def _ask(names: GcpNames, number: str, agent: str, permission: str) -> Ask:
    of_version = permission.startswith("secretmanager.versions.")
    return Ask(
        permission=permission,
        name=run_secrets(names, number, agent),
        type=VERSION if of_version else SECRET,
        prefix=True,
    )


def _unseen(email: str, error: Exception) -> Concern:
    if isinstance(error, AccessDenied):
        return Concern(
            about=email,
            message=f"cannot be examined, so what it allows is unknown ({error.message})",
            remedy="allow yourself iam.serviceAccounts.get on it (roles/iam.serviceAccountViewer)",
            warning=True,
        )
    return Concern(
        about=email,
        message="is named in the environment's file, and there is no such account",
        remedy="make it, or correct `serviceAccount`",
    )
