"""A service account and its roles on the project: what an agent, or the gateway, may do."""

from collections.abc import Mapping, Sequence

import pulumi
from pulumi_gcp import projects, serviceaccount

from infra.desired.gcp_marks import mark
from toolkit.core.plan import Item


class Identity(pulumi.ComponentResource):
    """The account of a `service_account` item, and one member of the project's policy for each of its grants.

    Members leave everybody else's as they are; Pulumi's bindings and policies would take them away.  Whoever uses the
    account depends on all of them.
    """

    def __init__(self, item: Item, project: str, needs: Sequence[pulumi.Resource]) -> None:
        super().__init__("al:gcp:Identity", item.name)
        self._project, self._name = project, item.name
        self.account = serviceaccount.Account(
            item.name,
            project=project,
            account_id=item.name,
            display_name=item.attributes["display_name"],
            description=mark(item.tags),
            opts=pulumi.ResourceOptions(parent=self, depends_on=list(needs)),
        )
        self.grants = [
            self._grant(f"{item.name}-{grant['title'] or grant['role']}", grant)
            for grant in item.attributes["grants"].values()
        ]
        self.register_outputs({"email": self.account.email})

    def admit(self, actor: str, email: pulumi.Input[str]) -> None:
        """Let the account `actor` act as this one."""
        serviceaccount.IAMMember(
            f"{self._name}-{actor}",
            service_account_id=self.account.name,
            role="roles/iam.serviceAccountUser",
            member=pulumi.Output.concat("serviceAccount:", email),
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _grant(self, name: str, grant: Mapping[str, str]) -> projects.IAMMember:
        condition = projects.IAMMemberConditionArgs(
            title=grant["title"], expression=grant["expression"]
        )
        return projects.IAMMember(
            name,
            project=self._project,
            role=grant["role"],
            member=self.account.email.apply(lambda email: f"serviceAccount:{email}"),
            condition=condition if grant["expression"] else None,
            opts=pulumi.ResourceOptions(parent=self),
        )
