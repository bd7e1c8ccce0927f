"""Google's predefined roles that `al` or its users' accounts have, as far as this cloud knows their permissions.

https://cloud.google.com/iam/docs/roles-permissions; each list stands on the page of its service.  A role that is missing
here is refused by name, so a policy never silently grants nothing: add it with its page.
"""

from collections.abc import Mapping


def _in(prefix: str, *names: str) -> frozenset[str]:
    return frozenset(f"{prefix}.{name}" for name in names)


# https://cloud.google.com/iam/docs/roles-permissions/secretmanager
_SECRET_LOOK = _in("secretmanager.secrets", "get", "getIamPolicy", "list") | _in(
    "secretmanager.versions", "get", "list"
)
_SECRET_WRITE = _in("secretmanager.secrets", "create", "delete", "setIamPolicy", "update") | _in(
    "secretmanager.versions", "access", "add", "destroy", "disable", "enable"
)
_ACCESS = _in("secretmanager.versions", "access")

# https://cloud.google.com/iam/docs/roles-permissions/run
_RUN_LOOK = (
    _in("run.jobs", "get", "getIamPolicy", "list")
    | _in("run.executions", "get", "list")
    | _in("run.tasks", "get", "list")
    | _in("run.services", "get", "getIamPolicy", "list")
    | _in("run.revisions", "get", "list")
    | _in("run.operations", "get", "list")
    | _in("run.locations", "list")
)
_RUN_WRITE = (
    _in("run.jobs", "create", "delete", "run", "runWithOverrides", "update")
    | _in("run.executions", "cancel", "delete")
    | _in("run.services", "create", "delete", "update")
    | _in("run.revisions", "delete")
    | _in("run.operations", "delete")
)
_RUN_INVOKE = _in("run.routes", "invoke") | _in("run.jobs", "run")

# https://cloud.google.com/iam/docs/roles-permissions/logging
_LOG_LOOK = (
    _in("logging.logEntries", "list")
    | _in("logging.logs", "list")
    | _in("logging.views", "access", "get", "list")
)
_LOG_WRITE = _in("logging.logEntries", "create", "route")

# https://cloud.google.com/iam/docs/roles-permissions/artifactregistry
_IMAGE_LOOK = (
    _in("artifactregistry.repositories", "get", "list", "downloadArtifacts")
    | _in("artifactregistry.packages", "get", "list")
    | _in("artifactregistry.versions", "get", "list")
    | _in("artifactregistry.tags", "get", "list")
    | _in("artifactregistry.files", "get", "list", "download")
    | _in("artifactregistry.dockerimages", "get", "list")
    | _in("artifactregistry.locations", "get", "list")
)
_IMAGE_PUSH = _in("artifactregistry.repositories", "uploadArtifacts") | _in(
    "artifactregistry.tags", "create", "update"
)
_IMAGE_DELETE = (
    _in("artifactregistry.repositories", "deleteArtifacts")
    | _in("artifactregistry.packages", "delete")
    | _in("artifactregistry.versions", "delete")
    | _in("artifactregistry.tags", "delete")
)
_REPOSITORIES = _in(
    "artifactregistry.repositories",
    "create",
    "delete",
    "update",
    "getIamPolicy",
    "setIamPolicy",
)

# https://cloud.google.com/iam/docs/roles-permissions/datastore
_DATA_LOOK = _in("datastore.entities", "get", "list") | _in(
    "datastore.databases", "get", "getMetadata", "list"
)
_DATA_WRITE = (
    _in("datastore.entities", "allocateIds", "create", "delete", "update")
    | _in("datastore.indexes", "list")
    | _in("datastore.namespaces", "get", "list")
)
_DATA_ADMIN = (
    _in("datastore.databases", "create", "delete", "update")
    | _in("datastore.indexes", "create", "delete", "get", "update")
    | _in("datastore.operations", "cancel", "delete", "get", "list")
)

# https://cloud.google.com/iam/docs/roles-permissions/iam
_ACCOUNT_LOOK = _in("iam.serviceAccounts", "get", "getIamPolicy", "list")
_ACCOUNT_USE = _in("iam.serviceAccounts", "actAs", "get", "list")
_ACCOUNT_WRITE = _in(
    "iam.serviceAccounts",
    "create",
    "delete",
    "disable",
    "enable",
    "setIamPolicy",
    "undelete",
    "update",
)
_TOKENS = _in(
    "iam.serviceAccounts",
    "getAccessToken",
    "getOpenIdToken",
    "implicitDelegation",
    "signBlob",
    "signJwt",
)
_ROLES = _in("iam.roles", "create", "delete", "get", "list", "undelete", "update")

# https://cloud.google.com/iam/docs/roles-permissions/resourcemanager
_PROJECT = _in("resourcemanager.projects", "get")
_PROJECT_IAM = _in("resourcemanager.projects", "getIamPolicy", "setIamPolicy") | _PROJECT

# https://cloud.google.com/iam/docs/roles-permissions/cloudscheduler
_TIMERS = _in(
    "cloudscheduler.jobs", "create", "delete", "enable", "get", "list", "pause", "run", "update"
)

# https://cloud.google.com/iam/docs/roles-permissions/cloudbuild
_BUILDS = _in("cloudbuild.builds", "create", "get", "list", "update")

# https://cloud.google.com/iam/docs/roles-permissions/serviceusage
_APIS = _in("serviceusage.services", "disable", "enable", "get", "list", "use")
_API_USE = _in("serviceusage.services", "get", "list", "use")

# https://cloud.google.com/iam/docs/roles-permissions/storage
_STORAGE_LOOK = _in("storage.buckets", "get", "list") | _in("storage.objects", "get", "list")
_STORAGE_WRITE = _in("storage.buckets", "create", "delete", "update") | _in(
    "storage.objects", "create", "delete", "update"
)

_LOOKS = (
    _SECRET_LOOK | _RUN_LOOK | _LOG_LOOK | _IMAGE_LOOK | _DATA_LOOK | _ACCOUNT_LOOK | _PROJECT
    | _in("iam.roles", "get", "list") | _in("resourcemanager.projects", "getIamPolicy") | _API_USE
)  # fmt: skip
_SET_POLICIES = _in("run.jobs", "setIamPolicy") | _in("run.services", "setIamPolicy")
_CHANGES = (
    (_SECRET_WRITE - _in("secretmanager.secrets", "setIamPolicy") - _ACCESS) | _RUN_WRITE | _LOG_WRITE | _IMAGE_PUSH
    | _IMAGE_DELETE | _DATA_WRITE | _DATA_ADMIN | _in("iam.serviceAccounts", "actAs", "create", "delete", "update")
    | (_REPOSITORIES - _in("artifactregistry.repositories", "setIamPolicy"))
    | _in("storage.buckets", "create", "delete", "list") | _BUILDS
)  # fmt: skip
_EVERYTHING = (
    _LOOKS | _CHANGES | _SECRET_WRITE | _REPOSITORIES | _SET_POLICIES | _RUN_INVOKE | _ACCOUNT_WRITE
    | _ACCOUNT_USE | _TOKENS | _ROLES | _PROJECT_IAM | _APIS | _STORAGE_LOOK | _STORAGE_WRITE | _TIMERS
)  # fmt: skip

BASIC: Mapping[str, frozenset[str]] = {
    "roles/viewer": _LOOKS,
    "roles/editor": _LOOKS | _CHANGES | _APIS,
    "roles/owner": _EVERYTHING - _TOKENS - _RUN_INVOKE | _in("run.jobs", "run"),
}

PREDEFINED: Mapping[str, frozenset[str]] = {
    **BASIC,
    "roles/secretmanager.secretAccessor": _ACCESS | _PROJECT,
    "roles/secretmanager.secretVersionAdder": _in("secretmanager.versions", "add") | _PROJECT,
    "roles/secretmanager.secretVersionManager": _in(
        "secretmanager.versions", "add", "destroy", "disable", "enable", "get", "list"
    )
    | _PROJECT,
    "roles/secretmanager.viewer": _SECRET_LOOK | _PROJECT,
    "roles/secretmanager.admin": _SECRET_LOOK | _SECRET_WRITE | _PROJECT,
    "roles/run.viewer": _RUN_LOOK | _PROJECT,
    "roles/run.invoker": _RUN_INVOKE,
    "roles/run.jobsExecutor": _in("run.jobs", "run") | _in("run.executions", "cancel"),
    "roles/run.jobsExecutorWithOverrides": _in("run.jobs", "run", "runWithOverrides")
    | _in("run.executions", "cancel"),
    "roles/run.developer": _RUN_LOOK | _RUN_WRITE | _PROJECT,
    "roles/run.admin": _RUN_LOOK | _RUN_WRITE | _RUN_INVOKE | _SET_POLICIES | _PROJECT,
    "roles/cloudbuild.builds.editor": _BUILDS | _PROJECT,
    "roles/cloudscheduler.admin": _TIMERS | _PROJECT,
    "roles/logging.viewer": _LOG_LOOK | _PROJECT,
    "roles/logging.viewAccessor": _in("logging.logEntries", "list")
    | _in("logging.views", "access"),
    "roles/logging.logWriter": _LOG_WRITE,
    "roles/artifactregistry.reader": _IMAGE_LOOK,
    "roles/artifactregistry.writer": _IMAGE_LOOK | _IMAGE_PUSH,
    "roles/artifactregistry.repoAdmin": _IMAGE_LOOK | _IMAGE_PUSH | _IMAGE_DELETE,
    "roles/artifactregistry.admin": _IMAGE_LOOK | _IMAGE_PUSH | _IMAGE_DELETE | _REPOSITORIES,
    "roles/datastore.viewer": _DATA_LOOK | _PROJECT,
    "roles/datastore.user": _DATA_LOOK | _DATA_WRITE | _PROJECT,
    "roles/datastore.owner": _DATA_LOOK | _DATA_WRITE | _DATA_ADMIN | _PROJECT,
    "roles/iam.serviceAccountUser": _ACCOUNT_USE | _PROJECT,
    "roles/iam.serviceAccountViewer": _ACCOUNT_LOOK | _PROJECT,
    "roles/iam.serviceAccountTokenCreator": _TOKENS | _ACCOUNT_LOOK | _PROJECT,
    "roles/iam.serviceAccountCreator": _in("iam.serviceAccounts", "create", "get", "list"),
    "roles/iam.serviceAccountDeleter": _in("iam.serviceAccounts", "delete", "get", "list"),
    "roles/iam.serviceAccountAdmin": _ACCOUNT_LOOK | _ACCOUNT_WRITE | _PROJECT,
    "roles/iam.workloadIdentityUser": _in(
        "iam.serviceAccounts", "get", "getAccessToken", "getOpenIdToken", "list"
    ),
    "roles/iam.roleAdmin": _ROLES | _PROJECT,
    "roles/iam.roleViewer": _in("iam.roles", "get", "list") | _PROJECT,
    "roles/iam.securityReviewer": _in("resourcemanager.projects", "getIamPolicy")
    | _ACCOUNT_LOOK
    | _in("iam.roles", "get", "list"),
    "roles/resourcemanager.projectIamAdmin": _PROJECT_IAM | _in("iam.roles", "get"),
    "roles/serviceusage.serviceUsageAdmin": _APIS | _PROJECT,
    "roles/storage.admin": _STORAGE_LOOK | _STORAGE_WRITE | _PROJECT,
    "roles/serviceusage.serviceUsageConsumer": _API_USE | _PROJECT,
}

# What a custom role may hold (https://cloud.google.com/iam/docs/custom-roles-permissions-support).
KNOWN: frozenset[str] = _EVERYTHING | frozenset().union(*PREDEFINED.values())
