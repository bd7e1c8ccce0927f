"""What the gateway's account may do as the environment's scheduler: start, watch and end its runs.  Pure.

It may do what `al run` does, on what is the environment's, as far as Google can narrow it: conditions know secrets and
databases, and nothing of Cloud Run (https://cloud.google.com/iam/docs/conditions-resource-attributes).  So the right to
start is given on each job by whoever makes the job (toolkit/clouds/gcp_callers.py), and looking at executions is the
whole project's.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from toolkit.clouds.gcp_runs import RUN_PERMISSIONS
from toolkit.core.agent import CredentialRef
from toolkit.core.environment import GcpCloud, Scope
from toolkit.core.gcp_names import GcpNames, secret_id
from toolkit.core.names import Names, shorten
from toolkit.core.plan import Item

from .gcp_conditions import MOST_OPERATORS
from .gcp_grants import Grants, granted

# the purposes of its two custom roles, as in GcpNames.role
LAUNCHES, HANDS_OVER = "launches", "hands_over"
# What no condition can narrow.  Making a secret is asked of the project, whose name is no secret's, as listing is.
# Executions are looked for in all jobs of the region at once.
LOOKS = (
    "run.executions.get",
    "run.executions.list",
    "run.jobs.get",
    "run.jobs.list",
    "run.tasks.get",
    "run.tasks.list",
    "secretmanager.secrets.create",
    "secretmanager.secrets.list",
)
# with `secrets = "mount"` a run has a job of its own, which only the project can allow to make, run and delete
OWN_JOBS = (
    "run.executions.cancel",
    "run.jobs.create",
    "run.jobs.delete",
    "run.jobs.run",
    "run.jobs.runWithOverrides",
    "run.operations.get",
)
# of runs' secrets.  One whose making got no answer is read, to see whether it is there with its value
SECRETS = (*RUN_PERMISSIONS, "secretmanager.versions.add", "secretmanager.versions.list")
_TITLES: Mapping[str, str] = {
    LAUNCHES: "al: starting runs",
    HANDS_OVER: "al: making run secrets",
}


def roles(cloud: GcpCloud, scope: Scope) -> Iterator[Item]:
    """Its custom roles."""
    for purpose, permissions in permissions_of(cloud).items():
        yield Item(
            kind="custom_role",
            name=GcpNames(scope).role(purpose),
            attributes={
                "title": shorten(f"{_TITLES[purpose]} in {scope.project}/{scope.environment}", 100),
                "permissions": sorted(permissions),
            },
            tags=Names(scope).tags(),
        )


def permissions_of(cloud: GcpCloud) -> Mapping[str, Sequence[str]]:
    """By the role's purpose."""
    looks = (*LOOKS, *OWN_JOBS) if cloud.mount_secrets else LOOKS
    return {LAUNCHES: looks, HANDS_OVER: SECRETS}


def grants(
    cloud: GcpCloud, scope: Scope, number: str, credentials: Iterable[CredentialRef]
) -> Grants:
    """On the project.  It reads what its agents and webhooks declare, and no other credential."""
    names, google = Names(scope), GcpNames(scope)
    database = f"projects/{cloud.project}/databases/{google.database}"
    runs = f"projects/{number}/secrets/{secret_id(f'{names.secrets}runs/')}"

    def own(purpose: str) -> str:
        return f"projects/{cloud.project}/roles/{google.role(purpose)}"

    return {
        **granted(
            "roles/datastore.user",
            title="runs of this environment",
            expression=f'resource.name == "{database}"',
        ),
        **granted("roles/logging.viewer"),
        **granted(own(LAUNCHES)),
        **granted(
            own(HANDS_OVER),
            title="run secrets of this environment",
            expression=f'resource.name.startsWith("{runs}")',
        ),
        **_readable(names, number, credentials),
    }


def _readable(names: Names, number: str, credentials: Iterable[CredentialRef]) -> Grants:
    """As many to a condition as it takes (https://cloud.google.com/iam/quotas#limits)."""
    refs = sorted({(ref.type, ref.instance) for ref in credentials})
    found: Grants = {}
    for start in range(0, len(refs), MOST_OPERATORS + 1):
        tests = [
            f'resource.name.startsWith("projects/{number}/secrets/{secret_id(f"{names.secrets}{type_}/{instance}/")}")'
            for type_, instance in refs[start : start + MOST_OPERATORS + 1]
        ]
        title = "credentials of this environment"
        found |= granted(
            "roles/secretmanager.secretAccessor",
            title=f"{title} {start // (MOST_OPERATORS + 1) + 1}" if start else title,
            expression=" || ".join(tests),
        )
    return found
