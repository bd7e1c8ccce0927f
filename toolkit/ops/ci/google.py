"""What CI deploys to Google Cloud with: a service account, and the workload identity provider that lets one repository's
jobs become it.  Pure: names and settings, nothing is asked of Google.

https://cloud.google.com/iam/docs/workload-identity-federation-with-deployment-pipelines
"""

import re

from toolkit.clouds.gcp import cloud_of
from toolkit.core.environment import GcpCloud, Scope
from toolkit.core.errors import UsageError
from toolkit.core.gcp_names import GcpNames, account_email
from toolkit.core.names import shorten
from toolkit.ops.ci.github_actions import Deployment

__all__ = ["ROLES", "account", "cloud_of", "condition", "members", "provider"]

PROVIDER = "github"
# https://cloud.google.com/iam/docs/reference/rest/v1/projects.locations.workloadIdentityPools/create: 4-32 characters
LONGEST = 32
_NUMBER = re.compile(r"[0-9]{6,20}")
_EMAIL = re.compile(r"[a-z][a-z0-9-]{4,28}[a-z0-9]@[a-z0-9.-]+\.iam\.gserviceaccount\.com")
_ID = re.compile(r"[a-z](?=.{5,29}$)([a-z0-9-]*[a-z0-9])")

# what a push asks for (docs/gcp.md says which part of it)
ROLES = (
    "roles/serviceusage.serviceUsageAdmin",
    "roles/datastore.owner",
    "roles/resourcemanager.projectIamAdmin",
    "roles/iam.serviceAccountAdmin",
    "roles/iam.roleAdmin",
    "roles/iam.serviceAccountUser",
    "roles/secretmanager.admin",
    "roles/artifactregistry.admin",
    "roles/run.admin",
    "roles/cloudscheduler.admin",
    "roles/logging.viewer",
    "roles/storage.admin",
)


def account(given: str | None, cloud: GcpCloud, scope: Scope) -> str:
    """Its e-mail.  Not one of the environment's own, which whoever deploys may change.  Raises UsageError."""
    id_ = given or shorten(
        f"ci-al-{scope.project}-{scope.environment}".lower().replace("_", "-"), 30
    )
    if not _EMAIL.fullmatch(id_) and not _ID.fullmatch(id_):
        raise UsageError(
            f"--role {id_!r} is neither a service account's id nor its e-mail",
            hint="write 6-30 lower-case letters, digits and inner hyphens, or the e-mail of an account",
        )
    if id_.startswith(GcpNames(scope).accounts):
        raise UsageError(
            f"CI may change every account whose id begins with {GcpNames(scope).accounts!r}, and so would change its own",
            hint="leave --role out, or give the account an id that begins otherwise",
        )
    return id_ if "@" in id_ else account_email(id_, cloud.project)


def provider(cloud: GcpCloud, scope: Scope, number: str | None) -> str:
    """The full name of the provider, in a pool of the environment's own: whoever is let into a pool by another provider
    would have the same subjects, and none of this one's conditions.

    Google wants the project's number in it, and `al ci init` asks nobody.  Raises UsageError.
    """
    number = number or cloud.number
    if not number or not _NUMBER.fullmatch(number):
        raise UsageError(
            f"the name of the identity provider has the number of the project {cloud.project} in it",
            hint="say it with --project-number; the console's welcome page shows it beside the project's id",
        )
    pool = shorten(
        re.sub(r"[^a-z0-9]+", "-", f"al-ci-{scope.project}-{scope.environment}".lower()), LONGEST
    )
    return f"projects/{number}/locations/global/workloadIdentityPools/{pool}/providers/{PROVIDER}"


def condition(d: Deployment) -> str:
    """The provider's attribute condition: a job of this repository, for this branch, in this GitHub environment.  All is
    compared whole; names are no patterns.  Whoever takes over the repository's name has another number."""
    claims = {
        "repository": d.repository.path,
        "environment": d.environment,
        "ref": f"refs/heads/{d.branch}",
    }
    if d.repository.ids:
        claims["repository_id"] = d.repository.ids[1]
    return " && ".join(f"assertion.{claim} == '{value}'" for claim, value in claims.items())


def members(d: Deployment) -> tuple[str, ...]:
    """Who has roles/iam.workloadIdentityUser on the account: the subjects of such jobs."""
    pool = (d.provider or "").partition("/providers/")[0]
    subjects = d.repository.subjects(f"environment:{d.environment}")
    return tuple(f"principal://iam.googleapis.com/{pool}/subject/{subject}" for subject in subjects)
