"""Who may become an account of ours, by the account's own policy.  Reads only: it is told, and repaired by a person, since
some of it may be meant.

Whoever acts as an agent's account is that agent to Google.  That operators have roles/iam.serviceAccountUser is as it
should be (https://cloud.google.com/iam/docs/service-accounts-actas); roles with which a token of the account is got are not
needed by anybody of ours (https://cloud.google.com/iam/docs/service-account-impersonation).  What is granted for the whole
project stands in its own policy, which is compared (gcp_bindings.py) and asked about (gcp_preflight.py).
"""

from collections.abc import Collection, Iterator, Sequence

from google.iam.v1 import iam_policy_pb2, options_pb2

from toolkit.clouds.gcp import translated
from toolkit.core.errors import AccessDenied
from toolkit.core.ports import Concern

from .gcp_iam import Iam, at_once
from .gcp_preflight import USER

EVERYBODY = frozenset({"allUsers", "allAuthenticatedUsers"})
Held = tuple[str, str]  # a role, and who has it


def concerns(iam: Iam, accounts: Sequence[str], actors: Collection[str] = ()) -> Iterator[Concern]:
    """Of each account: an error where everybody or another account of ours may become it, a warning where somebody has a
    role that is more than acting as it at a deployment.  `accounts` are ids of ours that are there; `actors` those among
    them that are meant to make jobs that run as the others."""
    ours = {f"serviceAccount:{iam.email(name)}" for name in accounts}
    meant = {(USER, f"serviceAccount:{iam.email(name)}") for name in actors}
    for name, held in zip(accounts, at_once(lambda a: _held(iam, a), accounts), strict=True):
        yield from _of(iam.email(name), held - meant, ours)


def _of(email: str, held: Collection[Held], ours: Collection[str]) -> Iterator[Concern]:
    for role, who in sorted(held):
        breach = who in EVERYBODY or (who in ours and who != f"serviceAccount:{email}")
        if breach or role != USER:
            yield Concern(
                about=email,
                message=f"{who} has {role} on this account, and with it may become it",
                remedy="take that role away on the account itself, unless you gave it for a reason",
                warning=not breach,
            )


def _held(iam: Iam, account: str) -> frozenset[Held]:
    """Nothing where whoever runs this may not look: which permission that takes, gcp_preflight.py says."""
    from google.cloud import iam_admin_v1

    client = iam.clients.client(iam_admin_v1.IAMClient)
    options = options_pb2.GetPolicyOptions(requested_policy_version=3)
    request = iam_policy_pb2.GetIamPolicyRequest(
        resource=iam.account_name(account), options=options
    )

    def once() -> frozenset[Held]:
        with translated(f"reading the policy of the service account {account}"):
            policy = client.get_iam_policy(request=request)
        return frozenset((b.role, member) for b in policy.bindings for member in b.members)

    try:
        return iam.patiently(once)
    except AccessDenied:
        return frozenset()
