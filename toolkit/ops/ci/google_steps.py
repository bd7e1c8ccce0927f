"""What a person does once in a Google Cloud project so that CI may deploy to it: settings of the console, as data.

Pure.  The same can be made with any tool; none is needed, and `al` makes none of it.
"""

from typing import Any

from toolkit.ops.ci import google
from toolkit.ops.ci.github_actions import Deployment
from toolkit.ops.ci.step import Step

# Service Account Credentials lends the account, Security Token Service takes GitHub's token
# (https://cloud.google.com/iam/docs/workload-identity-federation-with-deployment-pipelines#configure)
APIS = ("iam.googleapis.com", "iamcredentials.googleapis.com", "sts.googleapis.com")
USER = "roles/iam.workloadIdentityUser"
MAPPING = "google.subject = assertion.sub"


def steps(d: Deployment) -> tuple[Step, ...]:
    """In the order in which they are done."""
    return (_account(d), _provider(d), _binding(d))


def trust(d: Deployment) -> dict[str, Any]:
    """Who may become the account: what the provider asks of a token, and whose subject may use it."""
    return {"condition": google.condition(d), "role": USER, "members": list(google.members(d))}


def _account(d: Deployment) -> Step:
    return Step(
        why=f"Make the service account that deploys, in the project {d.account}, and give it these roles on the project.",
        settings=(("service account", d.role), *(("role", role) for role in google.ROLES)),
    )


def _provider(d: Deployment) -> Step:
    """https://docs.github.com/en/actions/how-tos/secure-your-work/security-harden-deployments/oidc-in-google-cloud-platform"""
    pool, _, name = (d.provider or "").partition("/providers/")
    return Step(
        why=(
            "Make GitHub known to the project: enable these APIs, and under IAM, Workload Identity Federation, make a "
            "pool with an OpenID Connect provider.  The condition is who gets in: read it before you save it."
        ),
        settings=(
            *(("API", api) for api in APIS),
            ("pool", pool.rpartition("/")[2]),
            ("provider", name),
            ("issuer", f"https://{d.repository.issuer}"),
            ("audience", "the default"),
            ("attribute mapping", MAPPING),
            ("attribute condition", google.condition(d)),
        ),
    )


def _binding(d: Deployment) -> Step:
    """By the subject: a repository alone would let in its jobs of every branch that another provider accepts."""
    return Step(
        why="Let these jobs, and nobody else, become the account: on the account itself, not on the project.",
        settings=(("role", USER), *(("member", member) for member in google.members(d))),
    )
