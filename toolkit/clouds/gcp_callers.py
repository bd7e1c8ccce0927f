"""Who may start runs besides whoever runs `al`: the gateway, on each job by the job's own policy.

Conditions in the project's policy know nothing of Cloud Run
(https://cloud.google.com/iam/docs/conditions-resource-attributes), so there the right would be one on every job of the
project.  Starting a job as its account takes no right on the account: that was asked of whoever made the job
(https://cloud.google.com/run/docs/configuring/jobs/service-identity).
"""

import time
from collections.abc import Callable
from typing import Any

from toolkit.core.gcp_names import GcpNames, account_email
from toolkit.core.names import GATEWAY
from toolkit.core.retry import retrying

from .gcp import GcpClients
from .gcp_errors import translated
from .gcp_policy import PATIENCE, VERSION, grant, passes

# running with overrides, and cancelling: https://cloud.google.com/run/docs/reference/iam/roles
ROLE = "roles/run.jobsExecutorWithOverrides"


def allow(
    clients: GcpClients,
    names: GcpNames,
    job: str,
    *,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """See that the environment's gateway may run this job of ours, and end its executions.  Nobody else loses a right.
    Raises what Google refuses."""
    email = account_email(names.service_account(GATEWAY), clients.cloud.project)
    member, resource = f"serviceAccount:{email}", f"{clients.location}/jobs/{job}"
    retrying(
        lambda: _allowed(clients, resource, member), seconds=PATIENCE, retry=passes, sleep=sleep
    )


def _allowed(clients: GcpClients, resource: str, member: str) -> None:
    from google.cloud import run_v2
    from google.iam.v1 import iam_policy_pb2, options_pb2

    client: Any = clients.client(run_v2.JobsClient)
    options = options_pb2.GetPolicyOptions(requested_policy_version=VERSION)
    asked = iam_policy_pb2.GetIamPolicyRequest(resource=resource, options=options)
    with translated(f"letting the gateway run {resource.rpartition('/')[2]}"):
        policy = client.get_iam_policy(request=asked)
        before = policy.SerializeToString(deterministic=True)
        grant(policy, member, ROLE)
        if policy.SerializeToString(deterministic=True) != before:
            wanted = iam_policy_pb2.SetIamPolicyRequest(resource=resource, policy=policy)
            client.set_iam_policy(request=wanted)
