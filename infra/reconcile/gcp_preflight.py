"""What whoever runs `al` may not do and will need to: asked of Google itself, by testIamPermissions.  Reads only.

The answer tells what the caller may do now; a policy that denies, and the organization's, count in it.  It is asked of
the project and of accounts that are there, for of what is absent Google answers "nothing"
(https://cloud.google.com/iam/docs/testing-permissions).
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from google.iam.v1 import iam_policy_pb2

from toolkit.clouds.gcp import translated
from toolkit.core.environment import GcpCloud
from toolkit.core.ports import Concern

from .gcp_iam import Iam, at_once

ACT_AS = "iam.serviceAccounts.actAs"
USER = "roles/iam.serviceAccountUser"

# the smallest role of Google's that has it -> what a push, a run or a repair asks for on the project
NEEDED: Mapping[str, Sequence[str]] = {
    "roles/resourcemanager.projectIamAdmin": (
        "resourcemanager.projects.get",
        "resourcemanager.projects.getIamPolicy",
        "resourcemanager.projects.setIamPolicy",
    ),
    "roles/iam.serviceAccountAdmin": (
        "iam.serviceAccounts.create",
        "iam.serviceAccounts.delete",
        "iam.serviceAccounts.get",
        "iam.serviceAccounts.getIamPolicy",
        "iam.serviceAccounts.list",
        "iam.serviceAccounts.update",
    ),
    "roles/iam.roleAdmin": (
        "iam.roles.create",
        "iam.roles.delete",
        "iam.roles.get",
        "iam.roles.list",
        "iam.roles.undelete",
        "iam.roles.update",
    ),
    "roles/secretmanager.admin": (
        "secretmanager.secrets.create",
        "secretmanager.secrets.delete",
        "secretmanager.secrets.get",
        "secretmanager.secrets.list",
        "secretmanager.versions.access",
        "secretmanager.versions.add",
        "secretmanager.versions.destroy",
        "secretmanager.versions.list",
    ),
    "roles/run.developer": (
        "run.executions.cancel",
        "run.executions.get",
        "run.executions.list",
        "run.jobs.create",
        "run.jobs.delete",
        "run.jobs.get",
        "run.jobs.getIamPolicy",
        "run.jobs.list",
        "run.jobs.run",
        "run.jobs.runWithOverrides",
        "run.jobs.update",
        "run.services.create",
        "run.services.delete",
        "run.services.get",
        "run.services.getIamPolicy",
        "run.services.list",
        "run.services.update",
        "run.tasks.list",
    ),
    # everybody may call the gateway, which may run the jobs
    "roles/run.admin": ("run.jobs.setIamPolicy", "run.services.setIamPolicy"),
    "roles/cloudscheduler.admin": (
        "cloudscheduler.jobs.create",
        "cloudscheduler.jobs.delete",
        "cloudscheduler.jobs.get",
        "cloudscheduler.jobs.list",
        "cloudscheduler.jobs.update",
    ),
    "roles/artifactregistry.admin": (
        "artifactregistry.repositories.create",
        "artifactregistry.repositories.downloadArtifacts",
        "artifactregistry.repositories.get",
        "artifactregistry.repositories.list",
        "artifactregistry.repositories.uploadArtifacts",
        "artifactregistry.versions.delete",
        "artifactregistry.versions.list",
    ),
    "roles/datastore.owner": (
        "datastore.databases.create",
        "datastore.databases.get",
        "datastore.databases.getMetadata",
        "datastore.entities.create",
        "datastore.entities.delete",
        "datastore.entities.get",
        "datastore.entities.list",
        "datastore.entities.update",
        "datastore.indexes.get",
        "datastore.indexes.update",
    ),
    "roles/logging.viewer": ("logging.logEntries.list",),
    "roles/serviceusage.serviceUsageAdmin": (
        "serviceusage.services.enable",
        "serviceusage.services.get",
    ),
}
# where the user has named no other place for Pulumi's state
OF_STATE: Mapping[str, Sequence[str]] = {
    "roles/storage.admin": (
        "storage.buckets.create",
        "storage.buckets.get",
        "storage.objects.create",
        "storage.objects.delete",
        "storage.objects.get",
        "storage.objects.list",
    )
}
# where Cloud Build makes the images: to start, follow, find and cancel a build
OF_BUILDS: Mapping[str, Sequence[str]] = {
    "roles/cloudbuild.builds.editor": (
        "cloudbuild.builds.create",
        "cloudbuild.builds.get",
        "cloudbuild.builds.list",
        "cloudbuild.builds.update",
    )
}


def concerns(
    iam: Iam,
    cloud: GcpCloud,
    accounts: Sequence[str],
    *,
    own_state: bool = True,
    builds: bool = False,
) -> Iterator[Concern]:
    """One for each role that is lacking on the project, and one for accounts that the caller may not act as.

    `accounts` are the ids of those of ours that are there; the one that the user brings is asked about, too.
    `own_state` is whether Pulumi's state is in a bucket that we make, `builds` whether Cloud Build makes the images.
    """
    needed = {**NEEDED, **(OF_STATE if own_state else {}), **(OF_BUILDS if builds else {})}
    held = _on_project(iam, needed)
    for role, permissions in needed.items():
        lacking = [p for p in permissions if p not in held]
        if lacking:
            yield Concern(
                about=cloud.project,
                message=f"whoever runs this may not {', '.join(lacking)} in the project",
                remedy=f"give this identity {role} on the project, or these permissions; docs/gcp.md says what for",
                warning=True,
            )
    emails = [iam.email(name) for name in accounts]
    brought = [cloud.service_account] if cloud.service_account else []
    yield from _not_to_act_as(iam, held, [*emails, *brought])


def _not_to_act_as(iam: Iam, held: Collection[str], emails: Sequence[str]) -> Iterator[Concern]:
    """A job with an account is refused to whoever may not act as it
    (https://cloud.google.com/iam/docs/service-accounts-actas)."""
    if ACT_AS in held:
        return
    may = at_once(lambda email: _may_act_as(iam, email), emails)
    refused = [email for email, allowed in zip(emails, may, strict=True) if not allowed]
    if refused:
        yield Concern(
            about=iam.clients.cloud.project,
            message=f"whoever runs this may not act as {', '.join(refused)}, so jobs with them cannot be made or changed",
            remedy=f"gcloud iam service-accounts add-iam-policy-binding ACCOUNT --member=YOU --role={USER}, for each",
            warning=True,
        )


def _on_project(iam: Iam, needed: Mapping[str, Sequence[str]]) -> frozenset[str]:
    from google.cloud import resourcemanager_v3

    wanted = [p for permissions in needed.values() for p in permissions]
    client = iam.clients.client(resourcemanager_v3.ProjectsClient)
    return _asked(iam, client, iam.clients.parent, [*wanted, ACT_AS])


def _may_act_as(iam: Iam, email: str) -> bool:
    from google.cloud import iam_admin_v1

    client = iam.clients.client(iam_admin_v1.IAMClient)
    return ACT_AS in _asked(iam, client, iam.of_email(email), [ACT_AS])


def _asked(iam: Iam, client: Any, resource: str, permissions: Sequence[str]) -> frozenset[str]:
    request = iam_policy_pb2.TestIamPermissionsRequest(resource=resource, permissions=permissions)

    def once() -> frozenset[str]:
        with translated(f"asking what may be done on {resource}"):
            return frozenset(client.test_iam_permissions(request=request).permissions)

    return iam.patiently(once)
