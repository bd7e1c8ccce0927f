"""A small project's desired state on the embedded Google cloud, and short words to look at and to spoil what is there."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

from google.cloud import iam_admin_v1, resourcemanager_v3

from infra.desired.gcp import PURPOSES, RUNS
from infra.reconcile.gcp import GcpReconciler
from tests.infra.gcp_scenes import items as scene
from toolkit.clouds.gcp import GcpClients, cloud_of
from toolkit.clouds.gcp_policy import ProjectPolicy, grant, revoke
from toolkit.core.environment import GcpCloud
from toolkit.core.gcp_names import GcpNames
from toolkit.core.names import GATEWAY
from toolkit.core.plan import Item, Plan
from toolkit.core.ports import Context
from toolkit.sandbox.gcp.cloud import Google

EDITOR = "roles/editor"


def own_repository(context: Context) -> Context:
    """Where the user names no repository: ours is made."""
    return with_cloud(context, repository=GcpNames(context.environment.scope).repository)


def with_cloud(context: Context, **changes: Any) -> Context:
    environment = context.environment
    cloud = replace(cloud_of(environment), **changes)
    return replace(context, environment=replace(environment, cloud=cloud))


def items(
    context: Context, agents: Sequence[str] = ("dev", "ops"), image: str | None = None
) -> tuple[Item, ...]:
    """The desired state of these agents."""
    number = str(cloud_of(context.environment).number)
    return scene(context.environment, agents, number=number, image=image)


def account(context: Context, part: str) -> str:
    """The id of an agent's account, or of the gateway's."""
    return GcpNames(context.environment.scope).service_account(part)


def gateway(context: Context) -> str:
    return account(context, GATEWAY)


def role(context: Context) -> str:
    """The id of the agents' custom role."""
    return GcpNames(context.environment.scope).role(RUNS)


def roles(context: Context) -> list[str]:
    """The ids of all custom roles."""
    return sorted(GcpNames(context.environment.scope).role(purpose) for purpose in PURPOSES)


def planned(context: Context, desired: Sequence[Item], applied: Sequence[Item] = ()) -> Plan:
    reconciler = GcpReconciler(context)
    return reconciler.plan(desired, reconciler.observe(desired), applied)


def reconcile(context: Context, desired: Sequence[Item]) -> list[str]:
    """Make it so; the lines of progress."""
    lines: list[str] = []
    GcpReconciler(context).apply(planned(context, desired), progress=lines.append)
    return lines


@dataclass(frozen=True)
class Console:
    """Somebody with the console open, who may do everything in the project."""

    cloud: GcpCloud

    @property
    def iam(self) -> Any:
        return GcpClients(self.cloud).client(iam_admin_v1.IAMClient)

    @property
    def projects(self) -> Any:
        return GcpClients(self.cloud).client(resourcemanager_v3.ProjectsClient)

    @property
    def policy(self) -> ProjectPolicy:
        """Without patience."""
        later = count(step=1000)
        clients = GcpClients(self.cloud)
        return ProjectPolicy(clients, sleep=lambda _: None, clock=lambda: float(next(later)))

    @property
    def project(self) -> str:
        return f"projects/{self.cloud.project}"

    def email(self, account: str) -> str:
        return f"{account}@{self.cloud.project}.iam.gserviceaccount.com"

    def member(self, account: str) -> str:
        return f"serviceAccount:{self.email(account)}"

    def name(self, account: str) -> str:
        return f"{self.project}/serviceAccounts/{self.email(account)}"

    def make_account(self, account: str, description: str = "") -> None:
        about = {"description": description}
        self.iam.create_service_account(
            request={"name": self.project, "account_id": account, "service_account": about}
        )

    def delete_account(self, account: str) -> None:
        self.iam.delete_service_account(request={"name": self.name(account)})

    def make_role(self, role: str) -> None:
        about = {"title": "theirs", "included_permissions": ["run.jobs.run"]}
        self.iam.create_role(request={"parent": self.project, "role_id": role, "role": about})

    def delete_role(self, role: str) -> None:
        self.iam.delete_role(request={"name": f"{self.project}/roles/{role}"})

    def give(self, member: str, role: str = EDITOR, **condition: str) -> None:
        self.policy.change(lambda policy: grant(policy, member, role, **condition))

    def take(self, member: str, role: str) -> None:
        self.policy.change(
            lambda policy: revoke(policy, lambda b, who: (b.role, who) == (role, member))
        )

    def members(self) -> dict[str, set[str]]:
        """Role -> who has it, conditions left aside."""
        found: dict[str, set[str]] = {}
        for binding in self.policy.read().bindings:
            found.setdefault(binding.role, set()).update(binding.members)
        return found

    def accounts(self) -> list[str]:
        found = self.iam.list_service_accounts(request={"name": self.project})
        return sorted(one.email.partition("@")[0] for one in found)

    def roles(self) -> list[str]:
        found = self.iam.list_roles(request={"parent": self.project})
        return sorted(one.name.rpartition("/")[2] for one in found)


def calls(google: Google) -> dict[str, int]:
    """RPC -> how often it was called."""
    return {method.rpartition("/")[2]: times for method, times in google.counts.items()}
