"""The gateway's service on Cloud Run, and who may call it."""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
from pulumi_gcp import cloudrunv2 as run

from toolkit.core.gcp_names import labels_of
from toolkit.core.plan import Item

EVERYBODY = "allUsers"


class Service(pulumi.ComponentResource):
    """The service of a `run_service` item.  `needs` are what must be there before it starts."""

    def __init__(
        self,
        item: Item,
        project: str,
        account: pulumi.Input[str],
        needs: Sequence[pulumi.Resource],
    ) -> None:
        super().__init__("al:gcp:Service", item.name)
        wanted = item.attributes
        self.service = run.Service(
            item.name,
            project=project,
            location=wanted["location"],
            name=item.name,
            ingress="INGRESS_TRAFFIC_ALL",
            labels=labels_of(item.tags),
            template=_template(wanted, account),
            # Pulumi's own switch against `destroy`; whoever tears down is asked before
            deletion_protection=False,
            opts=pulumi.ResourceOptions(parent=self, depends_on=list(needs)),
        )
        if wanted["public"]:
            self._open(item.name, project, wanted["location"])
        self.url = self.service.uri
        self.register_outputs({"url": self.url})

    def _open(self, name: str, project: str, location: str) -> None:
        run.ServiceIamMember(
            name,
            project=project,
            location=location,
            name=self.service.name,
            role="roles/run.invoker",
            member=EVERYBODY,
            opts=pulumi.ResourceOptions(parent=self),
        )


def _template(wanted: Mapping[str, Any], account: pulumi.Input[str]) -> run.ServiceTemplateArgs:
    return run.ServiceTemplateArgs(
        service_account=account,
        timeout=f"{wanted['timeout']}s",
        scaling=run.ServiceTemplateScalingArgs(min_instance_count=wanted["min_instances"]),
        containers=[_container(wanted)],
    )


def _container(wanted: Mapping[str, Any]) -> run.ServiceTemplateContainerArgs:
    return run.ServiceTemplateContainerArgs(
        image=wanted["image"],
        commands=list(wanted["command"]),
        envs=[
            run.ServiceTemplateContainerEnvArgs(name=name, value=value)
            for name, value in sorted(wanted["environment"].items())
        ],
        resources=run.ServiceTemplateContainerResourcesArgs(
            limits={"cpu": wanted["cpu"], "memory": wanted["memory"]},
            cpu_idle=not wanted["cpu_always"],
        ),
    )
