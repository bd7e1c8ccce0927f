"""A job of Cloud Scheduler that calls the gateway."""

import pulumi
from pulumi_gcp import cloudscheduler

from infra.desired.gcp_marks import mark
from toolkit.core.plan import Item


class Timer(pulumi.ComponentResource):
    """The job of a `timer` item.  It calls `url` with an identity token of `account`, an e-mail, that is for `url`."""

    def __init__(
        self, item: Item, project: str, url: pulumi.Input[str], account: pulumi.Input[str]
    ) -> None:
        super().__init__("al:gcp:Timer", item.name)
        wanted = item.attributes
        base = pulumi.Output.from_input(url)
        token = cloudscheduler.JobHttpTargetOidcTokenArgs(
            service_account_email=account, audience=base
        )
        self.job = cloudscheduler.Job(
            item.name,
            project=project,
            region=wanted["location"],
            name=item.name,
            description=mark(item.tags),
            schedule=wanted["schedule"],
            time_zone=wanted["time_zone"],
            attempt_deadline=f"{wanted['deadline']}s",
            http_target=cloudscheduler.JobHttpTargetArgs(
                uri=base.apply(lambda text: f"{text}{wanted['path']}"),
                http_method="POST",
                oidc_token=token,
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({})
