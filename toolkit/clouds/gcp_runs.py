"""What every run on Google Cloud gets: the environment it starts in, whose account, and what it may touch (D3b, D4).

What it may touch is data, for the runtime that names it, the roles that are made of it, and the matrix that proves it: its
own secrets, and nothing else.
"""

from toolkit.core.environment import GcpCloud
from toolkit.core.gcp_names import GcpNames, account_email
from toolkit.core.plan import Grant
from toolkit.core.ports import Context, Limits

# In the order in which a container needs them: read the value, learn the etag, delete the secret with it, which is the
# claim.  None of these lets it list secrets, make one, or read another agent's.
# https://cloud.google.com/secret-manager/docs/access-control
RUN_PERMISSIONS = (
    "secretmanager.versions.access",
    "secretmanager.secrets.get",
    "secretmanager.secrets.delete",
)


def run_secrets(names: GcpNames, number: str, agent: str) -> str:
    """What the full name of each of the agent's run secrets begins with.  `number` is the project's: IAM never sees its id
    (https://cloud.google.com/iam/docs/conditions-resource-attributes)."""
    return f"projects/{number}/secrets/{names.run_secrets(agent)}"


def run_condition(names: GcpNames, number: str, agent: str) -> str:
    """The IAM condition under which the agent's account has RUN_PERMISSIONS on the project.  A version's name begins with
    its secret's, so it holds for both."""
    return f'resource.name.startsWith("{run_secrets(names, number, agent)}")'


def run_grants(names: GcpNames, agent: str) -> tuple[Grant, ...]:
    """What the agent's runs may do.  The resource is the beginning of a secret's id; the role is granted under
    `run_condition`, which has the project's number before it."""
    return (
        Grant(
            role="run",
            actions=RUN_PERMISSIONS,
            resources=(f"secrets/{names.run_secrets(agent)}*",),
            reason="reading the run's own secret once, and deleting it, which is the claim",
        ),
    )


def run_account(names: GcpNames, cloud: GcpCloud, agent: str) -> str:
    """The e-mail of the service account that the agent's runs have: the user's own for all agents, else the agent's
    (https://cloud.google.com/iam/docs/service-account-types#user-managed)."""
    return cloud.service_account or account_email(names.service_account(agent), cloud.project)


def run_environment(
    context: Context, cloud: GcpCloud, agent: str, runtime: str, limits: Limits
) -> dict[str, str]:
    """The variables of an agent's definition: nothing that is particular to a run, and no secret (D1)."""
    scope = context.environment.scope
    return {
        "AL_AGENT": agent,
        "AL_CREDENTIALS_PATH": limits.credentials_path,
        "AL_ENVIRONMENT": scope.environment,
        "AL_GCP_PROJECT": cloud.project,
        "AL_PLATFORM": "gcp",
        "AL_PROJECT": scope.project,
        "AL_REGION": cloud.region,
        "AL_RUNTIME": runtime,
        # an agent's own tools write to ~, and a user's home may be missing in an image
        "HOME": limits.writable[0],
    }
