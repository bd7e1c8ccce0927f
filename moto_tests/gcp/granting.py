"""Shorter words for accounts, roles and policies of these tests."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from google.cloud import iam_admin_v1, resourcemanager_v3, secretmanager_v1
from google.iam.v1 import iam_policy_pb2, options_pb2, policy_pb2

from toolkit.clouds.gcp import GcpClients
from toolkit.sandbox.gcp.rpc import Caller

PROJECT, NUMBER = "projects/al-sandbox", "projects/123456789012"
CLAIM = (
    "secretmanager.versions.access",
    "secretmanager.versions.destroy",
    "secretmanager.secrets.delete",
)


def binding(role: str, *members: str, expression: str = "") -> Any:
    """One binding, conditional when there is an expression."""
    made = policy_pb2.Binding(role=role, members=members)
    if expression:
        made.condition.title, made.condition.expression = "own", expression
    return made


def member(email: str) -> str:
    return f"serviceAccount:{email}"


@dataclass(frozen=True)
class Granting:
    """Of one project, as its operator."""

    clients: GcpClients

    @property
    def iam(self) -> Any:
        return self.clients.client(iam_admin_v1.IAMClient)

    @property
    def projects(self) -> Any:
        return self.clients.client(resourcemanager_v3.ProjectsClient)

    @property
    def secrets(self) -> Any:
        return self.clients.client(secretmanager_v1.SecretManagerServiceClient)

    def account(self, id_: str = "shop-dev", **about: Any) -> Any:
        """A new service account."""
        asked = {"name": PROJECT, "account_id": id_, "service_account": about}
        return self.iam.create_service_account(request=asked)

    def role(self, id_: str = "al_claim", permissions: Sequence[str] = CLAIM) -> Any:
        """A new custom role."""
        role = {"title": id_, "included_permissions": permissions}
        return self.iam.create_role(request={"parent": PROJECT, "role_id": id_, "role": role})

    def policy(self, resource: str = PROJECT, *, version: int = 3, where: Any = None) -> Any:
        options = options_pb2.GetPolicyOptions(requested_policy_version=version)
        asked = iam_policy_pb2.GetIamPolicyRequest(resource=resource, options=options)
        return (where or self.projects).get_iam_policy(request=asked)

    def put(self, policy: Any, resource: str = PROJECT, *, where: Any = None) -> Any:
        asked = iam_policy_pb2.SetIamPolicyRequest(resource=resource, policy=policy)
        return (where or self.projects).set_iam_policy(request=asked)

    def grant(self, *bindings: Any, resource: str = PROJECT, where: Any = None) -> Any:
        """Add bindings to a policy, as it should be done: read with version 3, written with its etag."""
        policy = self.policy(resource, where=where)
        policy.bindings.extend(bindings)
        policy.version = 3
        return self.put(policy, resource, where=where)

    def secret(self, id_: str = "run--dev--1", data: bytes = b"hunter2", **more: Any) -> Any:
        """A secret with one version; the version."""
        about = {"replication": {"automatic": {}}, **more}
        made = self.secrets.create_secret(parent=PROJECT, secret_id=id_, secret=about)
        return self.secrets.add_secret_version(parent=made.name, payload={"data": data})

    def claimer(self, prefix: str = f"{NUMBER}/secrets/run--dev--") -> Caller:
        """A new account that may claim the secrets whose names begin so, and nothing else."""
        email = self.account().email
        expression = f'resource.name.startsWith("{prefix}")'
        self.grant(binding(self.role().name, member(email), expression=expression))
        return Caller.account(email)
