"""What every run on AWS gets, whatever its runtime: the environment it starts in, and what it may touch (D3b, D4).

And what AWS's runtimes have in common: their account, their clients, and where a run's log begins.
"""

import time
from collections.abc import Callable
from datetime import datetime
from functools import cached_property

from toolkit.core.clock import now
from toolkit.core.environment import AwsCloud
from toolkit.core.names import Names
from toolkit.core.plan import Grant
from toolkit.core.ports import Context, Limits
from toolkit.core.run import RunHandle

from .aws import Clients, arn, clients_for, cloud_of

# AWS refuses requests that are signed further off, so no launcher's clock is
# (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html)
CLOCK_SKEW_MS = 5 * 60_000


class OnAws:
    """What a runtime on AWS is made of.  Making one costs nothing: clients are made when used."""

    def __init__(
        self,
        context: Context,
        *,
        clock: Callable[[], datetime] = now,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._context = context
        self._names = context.names
        self._clock = clock
        self._sleep = sleep

    @cached_property
    def cloud(self) -> AwsCloud:
        return cloud_of(self._context.environment)

    @cached_property
    def clients(self) -> Clients:
        return clients_for(self.cloud)

    def _age(self, handle: RunHandle) -> float:
        """Seconds since the run was launched."""
        return self._clock().timestamp() - int(handle.ids["launched"]) / 1000


def earliest(handle: RunHandle) -> int:
    """No line of the run is older, whatever its launcher's clock showed; epoch ms."""
    return max(0, int(handle.ids["launched"]) - CLOCK_SKEW_MS)


def run_grants(names: Names, cloud: AwsCloud, agent: str, *, role: str) -> tuple[Grant, Grant]:
    """The two grants of an agent's runs, for the role of that purpose."""
    return (
        Grant(
            role=role,
            actions=("secretsmanager:DeleteSecret", "secretsmanager:GetSecretValue"),
            # the service adds six characters to a name, so an ARN of it always ends in a wildcard
            resources=(arn(cloud, "secretsmanager", f"secret:{names.run_secrets(agent)}*"),),
            reason="reading the run's own secret once, and deleting it",
        ),
        Grant(
            role=role,
            actions=("dynamodb:GetItem", "dynamodb:UpdateItem"),
            resources=(arn(cloud, "dynamodb", f"table/{names.table}"),),
            conditions={
                "ForAllValues:StringLike": {
                    "dynamodb:LeadingKeys": (f"{names.mailboxes(agent)}*",)
                },
                # ForAllValues holds for a request without the key, too
                "Null": {"dynamodb:LeadingKeys": "false"},
            },
            reason="claiming the run, reporting its end, and reading its stop flag",
        ),
    )


def run_environment(
    context: Context, cloud: AwsCloud, agent: str, runtime: str, limits: Limits
) -> dict[str, str]:
    """The variables of an agent's definition: nothing that is particular to a run, and no secret (D1)."""
    scope = context.environment.scope
    return {
        "AL_AGENT": agent,
        "AL_CREDENTIALS_PATH": limits.credentials_path,
        "AL_ENVIRONMENT": scope.environment,
        "AL_PLATFORM": "aws",
        "AL_PROJECT": scope.project,
        "AL_REGION": cloud.region,
        "AL_RUNTIME": runtime,
        "AL_TABLE": context.names.table,
        # the rest of the file system is read-only, and tools write to ~
        "HOME": limits.writable[0],
    }
